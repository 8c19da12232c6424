//! Persisters: killed and stopped, at random and in the middle of a transaction.

use std::collections::HashSet;
use std::time::Duration;

use contract::event::Confirm;

use super::error::FaultError;
use super::kind::Kind;
use super::points::{At, PERSISTER};
use super::scene::Scene;
use crate::stack::{Action, PartKind, wait_until};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new(
        "persister-leader-killed",
        "the leading persister is killed and stays away",
        |scene| Box::pin(leader_killed(scene)),
    )
    .rows_within(TAKEN_OVER),
    Kind::new("persister-killed-often", "persisters are killed 100 times in a row", |scene| {
        Box::pin(killed_often(scene))
    })
    .crowd(12_000, 400),
    Kind::new("persister-killed-at-points", "killed at each point of a transaction", |scene| {
        Box::pin(killed_at_points(scene))
    })
    .at_points(&PERSISTER)
    .crowd(6_000, 400),
    Kind::new(
        "persister-stopped-in-transaction",
        "a leader stops in a transaction, another leads, it resumes",
        |scene| Box::pin(stopped_in_transaction(scene)),
    )
    .at_points(&["before-commit"])
    .crowd(5_000, 400),
    Kind::new("commit-answer-lost", "MySQL has committed, and its answers are lost", |scene| {
        Box::pin(commit_answer_lost(scene))
    })
    .at_points(&["commit-answer"]),
    Kind::new("relay-killed", "the relay dies between publishing and acknowledging", |scene| {
        Box::pin(relay_killed(scene))
    })
    // Where Kafka confirms, an edge publishes before it answers: nothing is left to the relay.
    .told(Confirm::Replica)
    .at_points(&["before-publish", "before-relay-ack"]),
];

/// What a dead leader should cost: its lease of 6 s, and a batch.
const TAKEN_OVER: Duration = Duration::from_secs(8);
/// A leader that is gone: past its lease of 6 s.
const AWAY: [Duration; 2] = [Duration::from_secs(7), Duration::from_secs(9)];
/// Deaths in a row.
const DEATHS: usize = 100;
/// One that was killed has another process within this: 200 ms, and time on a busy machine.
const STARTED_WITHIN: Duration = Duration::from_secs(10);
/// Between two of them: long enough to be back, now and then to lead.
const SOON: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];
/// A while.
const APART: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(600)];
/// Batches are many; one of the first so many is struck.
const LATEST: u64 = 8;

async fn leader_killed(scene: &mut Scene) -> Result<(), FaultError> {
    let leader = scene.leader().await?;
    scene.moment().await;
    scene.act(&leader, Action::KillStayDown).await?;
    scene.hold(AWAY[0], AWAY[1]).await;
    scene.quietly(&leader, Action::Start).await?;
    scene.ready(&leader).await
}

async fn killed_often(scene: &mut Scene) -> Result<(), FaultError> {
    let parts = scene.parts(PartKind::Persister);
    scene.moment().await;
    let mut killed = HashSet::new();
    for turn in 0..DEATHS {
        let part = &parts[turn % parts.len()];
        let pid = another_process(scene, part, &killed).await?;
        scene.act(part, Action::Kill).await?;
        killed.insert(pid);
        scene.hold(SOON[0], SOON[1]).await;
    }
    scene.say(format!("{} processes were killed", killed.len()));
    for part in &parts {
        scene.ready(part).await?;
    }
    Ok(())
}

/// The process of a part, as soon as it has one that was not killed yet.
async fn another_process(
    scene: &Scene,
    part: &str,
    killed: &HashSet<u32>,
) -> Result<u32, FaultError> {
    let what = format!("another process of {part}");
    let found = wait_until(STARTED_WITHIN, &what, || async {
        let pid = scene.stack.part(part).map_err(|error| error.to_string())?.pid;
        pid.filter(|pid| !killed.contains(pid)).ok_or_else(|| format!("{pid:?}"))
    });
    Ok(found.await?)
}

/// With only one of them running it leads, whenever it starts.
pub(super) async fn alone(scene: &mut Scene) -> Result<(String, Vec<String>), FaultError> {
    let mut parts = scene.parts(PartKind::Persister);
    let part = parts.remove(0);
    for other in &parts {
        scene.quietly(other, Action::Stop).await?;
    }
    Ok((part, parts))
}

pub(super) async fn back(scene: &mut Scene, others: &[String]) -> Result<(), FaultError> {
    for other in others {
        scene.quietly(other, Action::Start).await?;
        scene.ready(other).await?;
    }
    Ok(())
}

async fn killed_at_points(scene: &mut Scene) -> Result<(), FaultError> {
    let (part, others) = alone(scene).await?;
    scene.die_at(&part, &PERSISTER, LATEST).await?;
    back(scene, &others).await
}

/// Starts a leader that stops itself before a commit, with others on stand-by.
pub(super) async fn stop_before_commit(scene: &mut Scene) -> Result<String, FaultError> {
    let (part, others) = alone(scene).await?;
    let time = scene.number(1, LATEST);
    scene.start_at(&part, &[("before-commit", At::Stop(time))]).await?;
    back(scene, &others).await?;
    scene.rush_begins().await;
    scene.stopped_itself(&part, "before-commit").await?;
    Ok(part)
}

async fn stopped_in_transaction(scene: &mut Scene) -> Result<(), FaultError> {
    let part = stop_before_commit(scene).await?;
    let heir = scene.leader().await?;
    scene.say(format!("{heir} leads"));
    scene.hold(APART[0], APART[1]).await;
    scene.act(&part, Action::Resume).await?;
    scene.ready(&part).await
}

async fn commit_answer_lost(scene: &mut Scene) -> Result<(), FaultError> {
    let (part, others) = alone(scene).await?;
    let first = scene.number(1, LATEST);
    let last = first + scene.number(0, LATEST);
    scene.start_at(&part, &[("commit-answer", At::Lose(first, last))]).await?;
    scene.rush_begins().await;
    scene.reached(&part, "commit-answer").await?;
    scene.hold(APART[0], APART[1]).await;
    scene.act(&part, Action::Kill).await?;
    back(scene, &others).await
}

/// An edge that dies before it publishes leaves the relay something to do.
async fn relay_killed(scene: &mut Scene) -> Result<(), FaultError> {
    let (part, others) = alone(scene).await?;
    let edge = scene.one_of(PartKind::Edge);
    let time = scene.number(1, LATEST);
    scene.start_at(&edge, &[("before-publish", At::Kill(time))]).await?;
    scene.start_at(&part, &[("before-relay-ack", At::Kill(1))]).await?;
    scene.rush_begins().await;
    scene.reached(&part, "before-relay-ack").await?;
    scene.ready(&edge).await?;
    back(scene, &others).await
}
