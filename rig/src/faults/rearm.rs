//! The arming after a failover, killed at each of its steps.

use super::error::FaultError;
use super::kind::Kind;
use super::persister::{alone, back};
use super::points::{ARMING, At};
use super::scene::Scene;
use super::shard::{another_master, shard};
use crate::stack::Action;

/// The table.
pub(super) const KINDS: &[Kind] =
    &[Kind::new("rearm-killed-at-steps", "the leader dies at each step of an arming", |scene| {
        Box::pin(killed_at_steps(scene))
    })
    .at_points(&ARMING)
    .crowd(4_000, 400)];

/// Only the steps of the round's own event count: the shard has others, and several are armed at
/// once. In the order of the steps: an arming that was cut short begins again and comes to the next.
async fn killed_at_steps(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let (part, others) = alone(scene).await?;
    scene.start_at_own(&part, &ARMING.map(|point| (point, At::Kill(1)))).await?;
    scene.moment().await;
    scene.act(&shard.master, Action::KillStayDown).await?;
    another_master(scene, &shard).await?;
    scene.quietly(&shard.master, Action::Start).await?;
    for point in ARMING {
        scene.reached(&part, point).await?;
    }
    scene.ready(&part).await?;
    scene.ready(&shard.master).await?;
    back(scene, &others).await
}
