//! The shards, by what their masters say of themselves.

use std::collections::BTreeSet;

use links::redis::{Cluster, Follower, Info};
use links::standing::nodes_down;
use tokio::task::JoinSet;

use crate::metrics::{self, ShardHealth};

/// A replica acknowledges each second; one that has been silent for longer does not follow.
const MOST_SILENT_S: u64 = 5;
/// What a master is asked.
const SECTIONS: [&str; 3] = ["replication", "memory", "persistence"];

/// All shards, by the first slot of each: that stays when another node becomes the master.
pub(super) struct Shards {
    cluster: Cluster,
    /// Those that were seen before: one that has no master any more is still told of.
    seen: BTreeSet<u16>,
}

impl Shards {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self { cluster, seen: BTreeSet::new() }
    }

    /// Asks every master, all at once, within the deadline of one command.
    pub(super) async fn look(&mut self) {
        let topology = self.cluster.topology();
        let (missing, down) = (topology.slots_without_master(), nodes_down(&topology));
        metrics::redis_cluster(missing, down, self.cluster.replicas());
        let mut asked = JoinSet::new();
        let mut silent = self.seen.clone();
        for (first_slot, master) in topology.shards() {
            let cluster = self.cluster.clone();
            asked.spawn(async move {
                (first_slot, cluster.info_of(master.address, &SECTIONS).await.ok())
            });
        }
        for (first_slot, info) in asked.join_all().await {
            let Some(info) = info else { continue };
            silent.remove(&first_slot);
            self.seen.insert(first_slot);
            metrics::redis_shard(first_slot, &health(&info));
        }
        for first_slot in silent {
            metrics::redis_shard(first_slot, &ShardHealth::default());
        }
    }
}

/// How a shard stands by its master's INFO.
fn health(info: &Info) -> ShardHealth {
    let end = info.number("master_repl_offset").unwrap_or(0);
    let follows = |one: &Follower| one.online && one.lag_s <= MOST_SILENT_S;
    let followers: Vec<Follower> = info.followers().into_iter().filter(follows).collect();
    let behind = followers.iter().map(|one| end.saturating_sub(one.offset)).max();
    ShardHealth {
        replicas: followers.len(),
        behind: behind.unwrap_or(0),
        used: info.number("used_memory").unwrap_or(0),
        most: info.number("maxmemory").unwrap_or(0),
        // A rewrite that failed is no failing write: the file only grows.
        disk_failing: info.get("aof_last_write_status").is_some_and(|status| status != "ok"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_while_it_follows() {
        let info = |state: &str, lag: u64| {
            Info::parse(&format!(
                "role:master\r\nmaster_repl_offset:500\r\nused_memory:1000\r\nmaxmemory:4000\r\n\
                 slave0:ip=127.0.0.1,port=7003,state={state},offset=420,lag={lag}\r\n\
                 aof_last_write_status:ok\r\naof_last_bgrewrite_status:ok\r\n"
            ))
        };
        let well =
            ShardHealth { replicas: 1, behind: 80, used: 1_000, most: 4_000, disk_failing: false };
        assert_eq!(health(&info("online", 1)), well);
        let none = ShardHealth { replicas: 0, behind: 0, ..well };
        assert_eq!(health(&info("wait_bgsave", 0)), none);
        assert_eq!(health(&info("online", 6)), none);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_noticed() {
        let failing = |text: &str| health(&Info::parse(text)).disk_failing;
        assert!(failing("aof_last_write_status:err\r\naof_last_bgrewrite_status:ok\r\n"));
        assert!(!failing("aof_last_write_status:ok\r\naof_last_bgrewrite_status:err\r\n"));
        assert!(!failing("role:master\r\n"), "without an append-only file there is nothing to say");
    }
}
