//! A master that dies and forgets everything, while only its replica has what was told.
//!
//! Every edge dies with it, and Kafka has not acknowledged the last wins: two faults at once that
//! the promise still covers, because the other copy lives. It lives only if the master waits before
//! it starts again ([`Without::RedisWait`] shows what else would happen).

use std::time::Duration;

use contract::event::Confirm;

use super::error::FaultError;
use super::kind::Kind;
use super::scene::{Scene, Without};
use super::shard::shard;
use crate::stack::{Action, NextStart, PartKind, repository_root};

/// The table.
pub(super) const KINDS: &[Kind] = &[Kind::new(
    "redis-master-forgets",
    "every edge and a master's disk are lost before Kafka has wins",
    |scene| Box::pin(forgets(scene)),
)
.told(Confirm::Replica)
.shows(Without::RedisWait)
.crowd(5_000, 400)];

/// While Kafka answers nothing, wins are told that only the shard has.
const UNACKNOWLEDGED: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(900)];
/// Starts a Redis node at once.
const AT_ONCE: &str = "rig/start-at-once.sh";

async fn forgets(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    if scene.without == Some(Without::RedisWait) {
        let program = Some(repository_root().join(AT_ONCE));
        let next = NextStart { program, environment: Vec::new() };
        scene.stack.next_starts(&shard.master, vec![next]).await?;
    }
    scene.moment().await;
    let (brokers, edges) = (scene.parts(PartKind::Kafka), scene.parts(PartKind::Edge));
    for broker in &brokers {
        scene.act(broker, Action::Pause).await?;
    }
    scene.hold(UNACKNOWLEDGED[0], UNACKNOWLEDGED[1]).await;
    for part in edges.iter().chain([&shard.master]) {
        scene.act(part, Action::KillStayDown).await?;
    }
    let disk = scene.stack.status().directory.join(&shard.master).join("appendonlydir");
    std::fs::remove_dir_all(&disk).map_err(FaultError::io(disk.display().to_string()))?;
    for part in brokers.iter() {
        scene.act(part, Action::Resume).await?;
    }
    for part in edges.iter().chain([&shard.master]) {
        scene.act(part, Action::Start).await?;
    }
    for part in edges.iter().chain([&shard.master, &shard.replica]) {
        scene.ready(part).await?;
    }
    Ok(())
}
