//! Which parts carry the round's event.

use std::net::SocketAddr;
use std::time::Duration;

use contract::ids::EventId;
use links::redis::{Cluster, RedisConfig};

use super::command::redis_cli;
use super::error::FaultError;
use super::scene::Scene;
use crate::stack::{Handle, PartKind, wait_until};

/// The cluster's nodes agree within this.
const AGREED_WITHIN: Duration = Duration::from_secs(15);

/// A replica is elected within this: a node timeout of 2 s, a vote, and time on a busy machine.
const PROMOTED_WITHIN: Duration = Duration::from_secs(30);

/// A replica that is asked to take over has done so, or given up after 5 s, within this.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);
/// How often it is asked.
const ASKED: u32 = 3;

/// The two nodes of a shard, as parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Its master.
    pub(crate) master: String,
    /// Its replica.
    pub(crate) replica: String,
}

/// Why a shard cannot be named yet.
#[derive(Debug, thiserror::Error)]
enum NotYet {
    #[error("{0}")]
    Missing(&'static str),
    #[error(transparent)]
    Fault(#[from] FaultError),
}

/// The shard of the round's event, as it stands now.
pub(super) async fn shard(scene: &Scene) -> Result<Shard, FaultError> {
    shard_of(&scene.stack, &scene.event).await
}

/// The shard of an event, as it stands now.
pub(crate) async fn shard_of(stack: &Handle, event: &EventId) -> Result<Shard, FaultError> {
    let cluster = cluster(stack).await?;
    let found = wait_until(AGREED_WITHIN, "a shard with master and replica", || async {
        let master = cluster.master_of(Cluster::slot_of(event));
        let master = master.ok_or(NotYet::Missing("no master"))?;
        let info = redis_cli(master.address, &["INFO", "replication"]).await?;
        let replica = replica_port(&info).ok_or(NotYet::Missing("no replica"))?;
        let replica = SocketAddr::new(master.address.ip(), replica);
        let part = |address| named(stack, address).ok_or(NotYet::Missing("no such part"));
        Ok::<_, NotYet>(Shard { master: part(master.address)?, replica: part(replica)? })
    });
    Ok(found.await?)
}

/// Waits until the shard has another master than it had.
pub(super) async fn another_master(scene: &mut Scene, shard: &Shard) -> Result<(), FaultError> {
    replaced(scene, shard, PROMOTED_WITHIN).await?;
    scene.strikes("the shard has another master");
    Ok(())
}

/// Lets the replica take over. A node that was just restarted may miss the votes of others, and
/// whoever asked asks again.
pub(super) async fn fail_over(scene: &Scene, shard: &Shard) -> Result<(), FaultError> {
    let mut taken_over = Ok(());
    for _ in 0..ASKED {
        redis_cli(scene.address(&shard.replica)?, &["CLUSTER", "FAILOVER"]).await?;
        taken_over = replaced(scene, shard, TAKEN_OVER_WITHIN).await;
        if taken_over.is_ok() {
            break;
        }
    }
    taken_over
}

async fn replaced(scene: &Scene, shard: &Shard, within: Duration) -> Result<(), FaultError> {
    let before = scene.address(&shard.master)?;
    let cluster = cluster(&scene.stack).await?;
    let another = wait_until(within, "another master of the shard", || async {
        match cluster.master_of(Cluster::slot_of(&scene.event)) {
            Some(master) if master.address != before => Ok(()),
            Some(_) => Err("it is the same"),
            None => Err("there is none"),
        }
    });
    Ok(another.await?)
}

async fn cluster(stack: &Handle) -> Result<Cluster, FaultError> {
    let nodes = stack.addresses(PartKind::Redis).iter().map(ToString::to_string).collect();
    let cluster = Cluster::connect(RedisConfig::plain(nodes)).await;
    Ok(cluster.map_err(crate::check::NoVerdict::from)?)
}

/// `slave0:ip=127.0.0.1,port=7001,state=online,…` of INFO replication.
fn replica_port(info: &str) -> Option<u16> {
    let line = info.lines().find(|line| line.starts_with("slave0:"))?;
    let port = line.split([',', ':']).find_map(|pair| pair.strip_prefix("port="))?;
    port.parse().ok()
}

fn named(stack: &Handle, address: SocketAddr) -> Option<String> {
    let mut nodes = stack.status().of_kind(PartKind::Redis);
    nodes.find(|node| node.address == address).map(|node| node.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replica_stands_in_the_masters_info() {
        let info = "role:master\r\nconnected_slaves:1\r\n\
                    slave0:ip=127.0.0.1,port=20003,state=online,offset=1,lag=0\r\n";
        assert_eq!(replica_port(info), Some(20_003));
        assert_eq!(replica_port("role:slave\r\n"), None);
    }
}
