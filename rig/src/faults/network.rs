//! The network between parts: cut silently, both ways or one way.

use std::time::Duration;

use super::cut::{Cut, NFT, Way};
use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::shard;
use crate::stack::PartKind;

/// What cuts.
const FIREWALL: &[&str] = &[NFT];

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("cut-master", "a master cut from its peers, not from clients", |scene| {
        Box::pin(master(scene, Way::Both))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-master-mute", "what a master sends does not reach its peers", |scene| {
        Box::pin(master(scene, Way::Out))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-master-deaf", "what its peers send does not reach a master", |scene| {
        Box::pin(master(scene, Way::In))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-master-from-all", "a master cut from its peers and clients", |scene| {
        Box::pin(master_from_all(scene))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-replica", "a replica cut from its master alone", |scene| {
        Box::pin(replica(scene))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-edge-from-redis", "an edge cut from all of Redis", |scene| {
        Box::pin(between(scene, PartKind::Edge, &[PartKind::Redis]))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-edge-from-kafka", "an edge cut from all brokers", |scene| {
        Box::pin(between(scene, PartKind::Edge, &[PartKind::Kafka]))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
    Kind::new("cut-broker", "a broker cut from everybody", |scene| {
        Box::pin(between(
            scene,
            PartKind::Kafka,
            &[PartKind::Kafka, PartKind::Edge, PartKind::Persister],
        ))
    })
    .as_root(FIREWALL)
    .crowd(6_000, 400),
    Kind::new("cut-leader", "the leading persister cut from everybody", |scene| {
        Box::pin(leader(scene))
    })
    .as_root(FIREWALL)
    .crowd(6_000, 400),
    Kind::new("cut-mysql", "the database cut from all persisters", |scene| {
        Box::pin(between(scene, PartKind::Mysql, &[PartKind::Persister]))
    })
    .as_root(FIREWALL)
    .crowd(5_000, 400),
];

/// Whether there is something to drop, whatever users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Traffic {
    /// Nodes of a cluster ask each other several times a second.
    Sure,
    /// It is said how much there was.
    Chance,
}

/// From below the node timeout of 2 s to past promotion, a lease and a broker's session.
const CUT: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(12)];

async fn master(scene: &mut Scene, way: Way) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let peers = others(scene, &shard.master, &[PartKind::Redis]);
    scene.moment().await;
    cut(scene, &shard.master, &peers, (way, Traffic::Sure)).await?;
    scene.ready(&shard.replica).await
}

async fn master_from_all(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let all = [PartKind::Redis, PartKind::Edge, PartKind::Persister];
    let all = others(scene, &shard.master, &all);
    scene.moment().await;
    cut(scene, &shard.master, &all, (Way::Both, Traffic::Sure)).await?;
    scene.ready(&shard.replica).await
}

async fn replica(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let way = scene.pick(&[Way::Both, Way::Out, Way::In]);
    scene.moment().await;
    cut(scene, &shard.replica, std::slice::from_ref(&shard.master), (way, Traffic::Sure)).await?;
    scene.ready(&shard.master).await
}

/// One part of a kind, from all others of some kinds.
async fn between(scene: &mut Scene, one: PartKind, other: &[PartKind]) -> Result<(), FaultError> {
    let part = scene.one_of(one);
    let other = others(scene, &part, other);
    let way = scene.pick(&[Way::Both, Way::Both, Way::Out, Way::In]);
    scene.moment().await;
    cut(scene, &part, &other, (way, Traffic::Chance)).await
}

async fn leader(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.leader().await?;
    let other = others(scene, &part, &[PartKind::Redis, PartKind::Kafka, PartKind::Mysql]);
    scene.moment().await;
    cut(scene, &part, &other, (Way::Both, Traffic::Chance)).await
}

/// Cuts a part from others for a while.
async fn cut(
    scene: &mut Scene,
    part: &str,
    other: &[String],
    (way, traffic): (Way, Traffic),
) -> Result<(), FaultError> {
    let cut = Cut::make(scene, &[part.to_owned()], other, way).await?;
    scene.hold(CUT[0], CUT[1]).await;
    let dropped = cut.dropped().await?;
    scene.say(format!("{dropped} packets were dropped"));
    cut.heal(scene).await?;
    if dropped == 0 && traffic == Traffic::Sure {
        let what = format!("cut {part}");
        return Err(FaultError::Failed { what, why: "no packet was dropped".to_owned() });
    }
    scene.ready(part).await
}

/// Every other part of these kinds.
fn others(scene: &Scene, part: &str, kinds: &[PartKind]) -> Vec<String> {
    let all = kinds.iter().flat_map(|&kind| scene.parts(kind));
    all.filter(|name| name != part).collect()
}
