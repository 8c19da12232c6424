//! Disks that are full, or stall, and are whole again.

use std::time::Duration;

use super::command::redis_cli;
use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::{fail_over, shard};
use super::small_disk::SmallDisk;
use crate::stack::{PartKind, wait_until};

/// What makes a small disk, fills it and lets it stall.
const MOUNTS: &[&str] = &["mkfs.ext4", "mount", "umount", "fsfreeze", "/dev/loop-control"];

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("disk-full-redis-master", "a master's disk is full for a while", |scene| {
        Box::pin(redis(scene, Role::Master, How::Full))
    })
    .as_root(MOUNTS)
    .crowd(5_000, 400),
    Kind::new("disk-full-redis-replica", "a replica's disk is full for a while", |scene| {
        Box::pin(redis(scene, Role::Replica, How::Full))
    })
    .as_root(MOUNTS)
    .crowd(5_000, 400),
    Kind::new("disk-stalls-redis-master", "a master's disk neither writes nor syncs", |scene| {
        Box::pin(redis(scene, Role::Master, How::Stalled))
    })
    .as_root(MOUNTS)
    .crowd(5_000, 400),
    Kind::new("disk-full-kafka", "a broker's disk is full for a while", |scene| {
        Box::pin(kafka(scene))
    })
    .as_root(MOUNTS)
    .crowd(5_000, 400),
    Kind::new("disk-full-mysql", "the database's disk is full for a while", |scene| {
        Box::pin(mysql(scene))
    })
    .as_root(MOUNTS)
    .crowd(5_000, 400),
];

/// How long a disk is full or stalls.
const STRUCK: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(9)];
/// What Redis logs then.
const NO_ROOM: [&str; 2] = ["No space left on device", "Short write while writing to the AOF file"];
/// A write meets a full disk within this.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// Besides what is there. The append-only file of a round is well below a MiB.
const REDIS_MIB: u64 = 32;
/// An index file of each partition is 10 MiB long, but mostly holes.
const KAFKA_MIB: u64 = 256;
/// 64 MiB of redo log, temporary tables and the undo logs.
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
        fail_over(scene, &shard).await?;
    }
    scene.moment().await;
    match how {
        How::Full => {
            let before = log(scene, &shard.replica)?.len();
            disk.fill(scene).await?;
            let writer = if role == Role::Master { &shard.replica } else { &shard.master };
            let refused = not_written(scene, &shard.replica, before, writer).await;
            scene.hold(STRUCK[0], STRUCK[1]).await;
            disk.clear(scene)?;
            refused?;
        }
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

/// Waits until a node's log says that it could not write: a master refuses writes then, a replica
/// ends. A key that goes by itself is written through the master: the sale may be over.
async fn not_written(
    scene: &Scene,
    part: &str,
    before: usize,
    master: &str,
) -> Result<(), FaultError> {
    let master = scene.address(master)?;
    let key = format!("{{{}}}:disk", scene.event);
    let said = wait_until(NOTICED_WITHIN, "a node that cannot write", || async {
        // Refused, or no answer: that is the fault.
        let _ = redis_cli(master, &["SET", &key, "full", "PX", "1000"]).await;
        let log = log(scene, part).map_err(|error| error.to_string())?;
        let since = String::from_utf8_lossy(log.get(before..).unwrap_or_default()).into_owned();
        let noticed = NO_ROOM.iter().any(|words| since.contains(words));
        if noticed { Ok(()) } else { Err("it writes".to_owned()) }
    });
    Ok(said.await?)
}

fn log(scene: &Scene, part: &str) -> Result<Vec<u8>, FaultError> {
    let log = &scene.stack.status().part(part)?.log;
    std::fs::read(log).map_err(FaultError::io(log.display().to_string()))
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
    full(scene, super::mysql::PART, MYSQL_MIB).await
}

async fn full(scene: &mut Scene, part: &str, mib: u64) -> Result<(), FaultError> {
    let disk = SmallDisk::under(scene, part, mib).await?;
    scene.moment().await;
    strike_full(scene, &disk).await?;
    scene.ready(part).await?;
    disk.end(scene).await
}
