//! Disks that are full, or stall, and are whole again.

use std::time::Duration;

use super::command::redis_cli;
use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::{another_master, shard};
use super::small_disk::SmallDisk;
use crate::stack::PartKind;

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("disk-full-redis-master", "a master's disk is full for a while", |scene| {
        Box::pin(redis(scene, Role::Master, How::Full))
    })
    .crowd(5_000, 400),
    Kind::new("disk-full-redis-replica", "a replica's disk is full for a while", |scene| {
        Box::pin(redis(scene, Role::Replica, How::Full))
    })
    .crowd(5_000, 400),
    Kind::new("disk-stalls-redis-master", "a master's disk neither writes nor syncs", |scene| {
        Box::pin(redis(scene, Role::Master, How::Stalled))
    })
    .crowd(5_000, 400),
    Kind::new("disk-full-kafka", "a broker's disk is full for a while", |scene| {
        Box::pin(kafka(scene))
    })
    .crowd(5_000, 400),
    Kind::new("disk-full-mysql", "the database's disk is full for a while", |scene| {
        Box::pin(mysql(scene))
    })
    .crowd(5_000, 400),
];

/// How long a disk is full or stalls.
const STRUCK: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(9)];
/// The append-only file of a round is well below a MiB.
const REDIS_MIB: u64 = 32;
/// An index file of each partition is 10 MiB long, but mostly holes.
const KAFKA_MIB: u64 = 256;
/// 64 MiB of redo log, the system's tables and the undo logs.
const MYSQL_MIB: u64 = 384;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Master,
    Replica,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Full,
    Stalled,
}

async fn redis(scene: &mut Scene, role: Role, how: How) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let disk = SmallDisk::under(scene, &shard.replica, REDIS_MIB).await?;
    if role == Role::Master {
        redis_cli(scene.address(&shard.replica)?, &["CLUSTER", "FAILOVER"]).await?;
        another_master(scene, &shard).await?;
    }
    scene.moment().await;
    match how {
        How::Full => strike_full(scene, &disk).await?,
        How::Stalled => {
            disk.stall(scene).await?;
            scene.hold(STRUCK[0], STRUCK[1]).await;
            disk.go_on(scene).await?;
        }
    }
    scene.ready(&shard.replica).await?;
    disk.end(scene).await?;
    scene.ready(&shard.master).await
}

async fn strike_full(scene: &mut Scene, disk: &SmallDisk) -> Result<(), FaultError> {
    disk.fill(scene).await?;
    scene.hold(STRUCK[0], STRUCK[1]).await;
    disk.clear(scene)
}

async fn kafka(scene: &mut Scene) -> Result<(), FaultError> {
    let part = scene.one_of(PartKind::Kafka);
    full(scene, &part, KAFKA_MIB).await
}

async fn mysql(scene: &mut Scene) -> Result<(), FaultError> {
    full(scene, "mysql-1", MYSQL_MIB).await
}

async fn full(scene: &mut Scene, part: &str, mib: u64) -> Result<(), FaultError> {
    let disk = SmallDisk::under(scene, part, mib).await?;
    scene.moment().await;
    strike_full(scene, &disk).await?;
    scene.ready(part).await?;
    disk.end(scene).await
}
