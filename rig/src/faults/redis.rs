//! Redis: nodes of the event's own shard.

use std::net::SocketAddr;
use std::time::Duration;

use contract::keys::EventKeys;

use super::command::redis_cli;
use super::error::FaultError;
use super::kind::Kind;
use super::scene::Scene;
use super::shard::{Shard, another_master, fail_over, shard};
use crate::stack::{Action, wait_until};

/// The table.
pub(super) const KINDS: &[Kind] = &[
    Kind::new("redis-replica-killed", "the replica is killed, and comes back", |scene| {
        Box::pin(replica_killed(scene))
    }),
    Kind::new("redis-replica-stopped", "the replica stops for some seconds", |scene| {
        Box::pin(replica_stopped(scene))
    }),
    Kind::new("redis-master-killed", "the master is killed, its replica takes over", |scene| {
        Box::pin(master_killed(scene, Back::AfterPromotion))
    })
    .wins_within(PROMOTED_AND_ARMED)
    .crowd(4_000, 400),
    Kind::new("redis-master-restarted", "the master is killed and started at once", |scene| {
        Box::pin(master_killed(scene, Back::AtOnce))
    })
    .crowd(4_000, 400),
    Kind::new("redis-zombie", "the master stops, is replaced, and goes on", |scene| {
        Box::pin(zombie(scene))
    })
    .crowd(5_000, 400),
    Kind::new("redis-replica-then-master", "the replica is killed, then the master", |scene| {
        Box::pin(replica_then_master(scene))
    })
    .crowd(5_000, 400),
    Kind::new("redis-both-from-disk", "both nodes are killed and start from disk", |scene| {
        Box::pin(both_from_disk(scene))
    })
    .crowd(5_000, 400),
    Kind::new("redis-manual-failover", "an operator lets the replica take over", |scene| {
        Box::pin(manual_failover(scene))
    }),
    Kind::new("redis-full-resync", "the replica copies everything again", |scene| {
        Box::pin(full_resync(scene))
    }),
    Kind::new("redis-memory-limit", "the master reaches its memory limit for a while", |scene| {
        Box::pin(memory_limit(scene))
    }),
    Kind::new("redis-state-deleted", "the event's state is deleted on the master", |scene| {
        Box::pin(key_deleted(scene, |keys| keys.state))
    })
    .crowd(4_000, 400),
    Kind::new("redis-wins-deleted", "the event's wins are deleted on the master", |scene| {
        Box::pin(key_deleted(scene, |keys| keys.wins))
    })
    .crowd(4_000, 400),
];

/// What a dead master should cost.
const PROMOTED_AND_ARMED: Duration = Duration::from_secs(10);
/// Past the node timeout.
const STOPPED: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// For a moment after a promotion, so that the new master grants before the old one is back.
const LATER: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(3)];

/// More is written than the smallest backlog holds within this: less than a second of a rush.
const OUTWRITTEN_WITHIN: Duration = Duration::from_secs(20);
/// A claim is refused within this by a master at its limit.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
/// A copy of everything has begun within this after the replica is back.
const RESYNCED_WITHIN: Duration = Duration::from_secs(20);
/// The least that Redis takes.
const SMALL_BACKLOG: &str = "16384";
/// As ops/redis/redis.conf has it.
const USUAL_BACKLOG: &str = "16777216";

/// INFO errorstats has this line once a write was refused for want of memory.
const OUT_OF_MEMORY: &str = "errorstat_OOM:count=";

/// When a master that was killed is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// Its script waits until the replica has taken over.
    AtOnce,
    AfterPromotion,
}

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

async fn master_killed(scene: &mut Scene, back: Back) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    match back {
        Back::AtOnce => scene.act(&shard.master, Action::Kill).await?,
        Back::AfterPromotion => {
            scene.act(&shard.master, Action::KillStayDown).await?;
            another_master(scene, &shard).await?;
            scene.hold(LATER[0], LATER[1]).await;
            scene.act(&shard.master, Action::Start).await?;
        }
    }
    both_ready(scene, &shard).await
}

async fn zombie(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    scene.act(&shard.master, Action::Pause).await?;
    another_master(scene, &shard).await?;
    scene.hold(LATER[0], LATER[1]).await;
    scene.act(&shard.master, Action::Resume).await?;
    both_ready(scene, &shard).await
}

/// The replica is behind when it comes back, and then the only one.
async fn replica_then_master(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    scene.act(&shard.replica, Action::Kill).await?;
    scene.hold(LATER[0], LATER[1]).await;
    scene.act(&shard.master, Action::Kill).await?;
    both_ready(scene, &shard).await
}

async fn both_from_disk(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    scene.act(&shard.replica, Action::KillStayDown).await?;
    scene.act(&shard.master, Action::KillStayDown).await?;
    scene.act(&shard.master, Action::Start).await?;
    scene.act(&shard.replica, Action::Start).await?;
    both_ready(scene, &shard).await
}

async fn manual_failover(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    scene.moment().await;
    scene.strikes("CLUSTER FAILOVER");
    fail_over(scene, &shard).await?;
    scene.strikes("the shard has another master");
    both_ready(scene, &shard).await
}

/// What the replica misses meanwhile is more than the backlog holds.
async fn full_resync(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let master = scene.address(&shard.master)?;
    let before = full_resyncs(master).await?;
    scene.moment().await;
    redis_cli(master, &["CONFIG", "SET", "repl-backlog-size", SMALL_BACKLOG]).await?;
    scene.act(&shard.replica, Action::Pause).await?;
    redis_cli(master, &["CLIENT", "KILL", "TYPE", "replica"]).await?;
    // What was sent before is in its socket; it reads that first.
    let sent = figure(master, "replication", "master_repl_offset:").await?;
    outwritten(master, sent).await?;
    scene.act(&shard.replica, Action::Resume).await?;
    resynced(master, before).await?;
    scene.say("the replica copies everything");
    redis_cli(master, &["CONFIG", "SET", "repl-backlog-size", USUAL_BACKLOG]).await?;
    both_ready(scene, &shard).await
}

/// Waits until the backlog has forgotten what comes next after an offset.
async fn outwritten(master: SocketAddr, sent: u64) -> Result<(), FaultError> {
    let forgotten = wait_until(OUTWRITTEN_WITHIN, "a backlog that is too short", || async {
        match figure(master, "replication", "repl_backlog_first_byte_offset:").await {
            Ok(first) if first > sent + 1 => Ok(()),
            Ok(first) => Err(format!("it begins at {first}, the replica needs {sent}")),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(forgotten.await?)
}

async fn resynced(master: SocketAddr, before: u64) -> Result<(), FaultError> {
    let begun = wait_until(RESYNCED_WITHIN, "a copy of everything", || async {
        match full_resyncs(master).await {
            Ok(now) if now > before => Ok(()),
            Ok(_) => Err("the replica has copied nothing".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(begun.await?)
}

async fn full_resyncs(master: SocketAddr) -> Result<u64, FaultError> {
    figure(master, "stats", "sync_full:").await
}

/// A figure of INFO; 0 where it is not told.
async fn figure(node: SocketAddr, section: &str, name: &str) -> Result<u64, FaultError> {
    let info = redis_cli(node, &["INFO", section]).await?;
    let value = info.lines().find_map(|line| line.trim_end().strip_prefix(name));
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}

async fn memory_limit(scene: &mut Scene) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let master = scene.address(&shard.master)?;
    scene.moment().await;
    let before = figure(master, "errorstats", OUT_OF_MEMORY).await?;
    scene.strikes("CONFIG SET maxmemory 1");
    redis_cli(master, &["CONFIG", "SET", "maxmemory", "1"]).await?;
    scene.hold(STOPPED[0], STOPPED[1]).await;
    let refused = wait_until(REFUSED_WITHIN, "a write that is refused", || async {
        match figure(master, "errorstats", OUT_OF_MEMORY).await {
            Ok(now) if now > before => Ok(()),
            Ok(_) => Err("none was".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    let refused = refused.await;
    scene.strikes("CONFIG SET maxmemory 0");
    redis_cli(master, &["CONFIG", "SET", "maxmemory", "0"]).await?;
    refused?;
    both_ready(scene, &shard).await
}

async fn key_deleted(scene: &mut Scene, which: fn(EventKeys) -> String) -> Result<(), FaultError> {
    let shard = shard(scene).await?;
    let key = which(EventKeys::new(&scene.event));
    scene.moment().await;
    scene.strikes(format!("DEL {key}"));
    let deleted = redis_cli(scene.address(&shard.master)?, &["DEL", &key]).await?;
    if deleted.trim() != "1" {
        return Err(FaultError::Failed { what: format!("DEL {key}"), why: deleted });
    }
    both_ready(scene, &shard).await
}

async fn both_ready(scene: &Scene, shard: &Shard) -> Result<(), FaultError> {
    scene.ready(&shard.master).await?;
    scene.ready(&shard.replica).await
}
