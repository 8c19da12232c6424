//! Redis: nodes of the event's own shard.

use std::time::Duration;

use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::shard;
use crate::stack::Action;

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("redis-replica-killed", "the replica is killed, and comes back", |scene| {
        Box::pin(replica_killed(scene))
    }),
    Kind::new("redis-replica-stopped", "the replica stops for some seconds", |scene| {
        Box::pin(replica_stopped(scene))
    }),
];

/// Past the node timeout.
const STOPPED: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

async fn replica_killed(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    scene.act(&shard.replica, Action::Kill).await?;
    scene.ready(&shard.replica).await
}

async fn replica_stopped(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    scene.act(&shard.replica, Action::Pause).await?;
    scene.hold(STOPPED[0], STOPPED[1]).await;
    scene.act(&shard.replica, Action::Resume).await?;
    scene.ready(&shard.replica).await
}
