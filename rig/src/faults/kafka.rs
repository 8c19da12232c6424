//! Brokers: stopped and killed.

use std::time::Duration;

use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use crate::stack::{Action, PartKind};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("kafka-broker-stopped", "a broker that leads stops for some seconds", |scene| {
        Box::pin(stopped(scene, SOME_SECONDS))
    })
    .wins_within(LED_BY_ANOTHER)
    .crowd(4_000, 400),
    Kind::new("kafka-broker-stopped-60s", "a broker that leads stops for a minute", |scene| {
        Box::pin(stopped(scene, A_MINUTE))
    })
    .wins_within(LED_BY_ANOTHER)
    .crowd(14_000, 200),
    Kind::new("kafka-broker-killed", "a broker is killed and comes back", |scene| {
        Box::pin(killed(scene, 1))
    })
    .wins_within(LED_BY_ANOTHER),
    Kind::new(
        "kafka-two-brokers-killed",
        "two of three brokers are killed and come back",
        |scene| Box::pin(killed(scene, 2)),
    )
    .crowd(5_000, 400),
];

/// What one broker should cost.
const LED_BY_ANOTHER: Duration = Duration::from_secs(6);
const SOME_SECONDS: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(10)];
const A_MINUTE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(60)];
/// How long brokers that were killed stay away.
const AWAY: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];

/// Every broker leads some partitions.
async fn stopped(scene: &mut Scene, time: [Duration; 2]) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Kafka);
    scene.moment().await;
    scene.act(&part, Action::Pause).await?;
    scene.hold(time[0], time[1]).await;
    scene.act(&part, Action::Resume).await?;
    in_sync(scene).await
}

async fn killed(scene: &mut Scene, count: usize) -> Result<(), FaultError> {
    let all = scene.parts(PartKind::Kafka);
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let brokers: Vec<&str> = scene.shuffled(&names).into_iter().take(count).collect();
    scene.moment().await;
    for part in &brokers {
        scene.act(part, Action::KillStayDown).await?;
    }
    scene.hold(AWAY[0], AWAY[1]).await;
    for part in &brokers {
        scene.act(part, Action::Start).await?;
    }
    in_sync(scene).await
}

/// A broker is ready once all are, and no partition lacks a replica.
async fn in_sync(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Kafka);
    scene.ready(&part).await
}
