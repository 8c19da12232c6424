//! Many parts at once: cut in one drawn order, healed in another.

use std::time::Duration;

use super::cut::{Cut, Way};
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
    let mut network = may_cut();
    for part in cut {
        let how = match network.take() {
            Some(()) => How::Cut(away(scene, part).await?),
            None => How::Done(scene.pick(&[Action::Pause, Action::KillStayDown])),
        };
        if let How::Done(action) = how {
            scene.act(part, action).await?;
        }
        to_heal.push((part, how));
        scene.hold(APART[0], APART[1]).await;
    }
    while !to_heal.is_empty() {
        let next = scene.number(1, to_heal.len() as u64) - 1;
        let (part, how) = to_heal.swap_remove(usize::try_from(next).unwrap_or(0));
        match how {
            How::Cut(cut) => cut.heal(scene).await?,
            How::Done(Action::Pause) => scene.act(part, Action::Resume).await?,
            How::Done(_) => scene.act(part, Action::Start).await?,
        }
        scene.hold(APART[0], APART[1]).await;
    }
    let broker = scene.one_of(PartKind::Kafka);
    scene.ready(&broker).await
}

/// What was done to a part.
enum How {
    Done(Action),
    Cut(Cut),
}

/// One part at a time can be cut off, by root.
fn may_cut() -> Option<()> {
    let network = super::kind::named("cut-master")?;
    super::why_not(network, None).is_none().then_some(())
}

/// A part cut from all others.
async fn away(scene: &mut Scene, part: &str) -> Result<Cut, FaultError> {
    let all = PartKind::IN_ORDER_OF_END.into_iter().flat_map(|kind| scene.parts(kind));
    let others: Vec<String> = all.filter(|other| other != part).collect();
    Cut::make(scene, &[part.to_owned()], &others, Way::Both).await
}
