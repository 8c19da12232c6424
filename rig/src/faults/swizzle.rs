//! Many parts at once: cut in one drawn order, healed in another.

use std::time::Duration;

use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::shard;
use crate::stack::{Action, PartKind};

/// The table.
pub(super) const KINDS: &[Kind] =
    &[Kind::new("swizzle", "many parts cut in a drawn order, healed in another", |scene| {
        Box::pin(swizzle(scene))
    })
    .crowd(6_000, 400)];

/// Between two cuts, and between two healings.
const APART: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(900)];
/// Parts that are cut, at least.
const LEAST: u64 = 3;

/// Of the event's shard one node, so that one copy of what was told lives; of the brokers two at
/// most, whose logs survive them.
async fn swizzle(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let mut parts = vec![scene.pick(&[&shard.master, &shard.replica]).clone()];
    for kind in [PartKind::Edge, PartKind::Persister, PartKind::Mysql, PartKind::Nginx] {
        parts.extend(scene.parts(kind));
    }
    parts.extend(scene.parts(PartKind::Kafka).into_iter().skip(1));
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut cut = scene.shuffled(&names);
    let count = scene.number(LEAST, names.len() as u64);
    cut.truncate(usize::try_from(count).unwrap_or(names.len()));

    scene.moment().await;
    let mut to_heal = Vec::new();
    for part in cut {
        let action = scene.pick(&[Action::Pause, Action::KillStayDown]);
        scene.act(part, action).await?;
        to_heal.push((part, action));
        scene.hold(APART[0], APART[1]).await;
    }
    for (part, action) in scene.shuffled(&to_heal) {
        let back = if action == Action::Pause { Action::Resume } else { Action::Start };
        scene.act(part, back).await?;
        scene.hold(APART[0], APART[1]).await;
    }
    let broker = scene.one_of(PartKind::Kafka);
    scene.ready(&broker).await
}
