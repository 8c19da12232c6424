//! Edges: killed, stopped, and misled about answers that were lost.

use std::time::Duration;

use contract::event::Confirm;

use super::error::FaultError;
use super::kind::Kind;
use super::points::{At, EDGE_LOG, EDGE_REPLICA};
use super::scene::Scene;
use crate::rush::Through;
use crate::stack::{Action, PartKind};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("edge-killed", "each edge killed in turn at random moments", |scene| {
        Box::pin(killed(scene))
    }),
    Kind::new(
        "edge-killed-at-points",
        "an edge killed at each point of a claim, by WAIT",
        |scene| Box::pin(killed_at_points(scene)),
    )
    .at_points(&EDGE_REPLICA)
    .told(Confirm::Replica)
    .by(Through::Nginx)
    // Six deaths, some 2 s each: units must be left for the last one.
    .crowd(16_000, 400),
    Kind::new("edge-killed-at-log-points", "the same of a claim that Kafka confirms", |scene| {
        Box::pin(killed_at_log_points(scene))
    })
    .at_points(&EDGE_LOG)
    .told(Confirm::Log)
    .by(Through::Nginx)
    .crowd(6_000, 400),
    Kind::new("upstream-killed-in-post", "NGINX's upstreams die with claims in hand", |scene| {
        Box::pin(upstreams_killed(scene))
    })
    .at_points(&["before-answer"])
    .told(Confirm::Replica)
    .by(Through::Nginx),
    Kind::new("edge-stopped", "an edge stopped past its deadlines, and resumed", |scene| {
        Box::pin(stopped(scene))
    }),
    Kind::new("edge-stopped-at-point", "the same at a point of a claim", |scene| {
        Box::pin(stopped_at_point(scene))
    })
    .at_points(&EDGE_REPLICA)
    .told(Confirm::Replica),
    Kind::new("script-answer-lost", "Redis has decided, and its answers are lost", |scene| {
        Box::pin(answers_lost(scene, "script-answer"))
    })
    .at_points(&["script-answer"]),
    Kind::new("produce-answer-lost", "Kafka has wins, and its answers are lost", |scene| {
        Box::pin(answers_lost(scene, "produce-answer"))
    })
    .at_points(&["produce-answer"]),
];

/// Past a claim's deadline of 2 s, and past a client's of 5 s.
const STOPPED: [Duration; 2] = [Duration::from_millis(2_500), Duration::from_secs(7)];
/// Between two deaths, so that the second edge is not killed while the first is down.
const APART: [Duration; 2] = [Duration::from_millis(1_200), Duration::from_secs(2)];
/// A point is reached hundreds of times in a round; it strikes at one of the first so many.
const LATEST: u64 = 6;

async fn killed(scene: &mut Scene) -> Result<(), FaultError> {
    scene.moment().await;
    for part in scene.parts(PartKind::Edge) {
        scene.act(&part, Action::Kill).await?;
        scene.ready(&part).await?;
        scene.hold(APART[0], APART[1]).await;
    }
    Ok(())
}

async fn killed_at_points(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    scene.die_at(&part, &EDGE_REPLICA, LATEST).await
}

async fn killed_at_log_points(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    scene.die_at(&part, &EDGE_LOG, LATEST).await
}

/// Both edges, so that NGINX has nobody to turn to and the claims of both are unknown.
async fn upstreams_killed(scene: &mut Scene) -> Result<(), FaultError> {
    let parts = scene.parts(PartKind::Edge);
    for part in &parts {
        let time = scene.number(1, LATEST);
        scene.start_at(part, &[("before-answer", At::Kill(time))]).await?;
    }
    scene.rush_begins().await;
    for part in &parts {
        scene.reached(part, "before-answer").await?;
        scene.ready(part).await?;
    }
    Ok(())
}

async fn stopped(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    scene.moment().await;
    scene.act(&part, Action::Pause).await?;
    resume(scene, &part).await
}

async fn stopped_at_point(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    let point = scene.pick(&EDGE_REPLICA);
    let time = scene.number(1, LATEST);
    scene.start_at(&part, &[(point, At::Stop(time))]).await?;
    scene.rush_begins().await;
    scene.stopped_itself(&part, point).await?;
    resume(scene, &part).await
}

async fn resume(scene: &mut Scene, part: &str) -> Result<(), FaultError> {
    scene.hold(STOPPED[0], STOPPED[1]).await;
    scene.act(part, Action::Resume).await?;
    scene.ready(part).await
}

async fn answers_lost(scene: &mut Scene, point: &'static str) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Edge);
    let first = scene.number(1, LATEST);
    let last = first + scene.number(0, LATEST);
    scene.start_at(&part, &[(point, At::Lose(first, last))]).await?;
    scene.rush_begins().await;
    scene.reached(&part, point).await?;
    scene.hold(APART[0], APART[1]).await;
    // Without failpoints again.
    scene.act(&part, Action::Kill).await?;
    scene.ready(&part).await
}
