//! What the files of `ops/` say the servers should be set to: the same files that they are started
//! with, so that there is one place to change.

/// What every Redis node runs with.
const REDIS: &str = include_str!("../../../ops/redis/redis.conf");
/// What NGINX lets through.
pub(super) const LIMITS: &str = include_str!("../../../nginx/limits.conf");
/// The topics.
const TOPICS: &str = include_str!("../../../ops/kafka/topics.conf");

/// Settings of a Redis node that the promise rests on, each with what happens without it.
const RESTS_ON: [(&str, &str); 9] = [
    ("appendonly", "a node that restarts alone has forgotten its wins"),
    ("appendfsync", "a crash of the machine takes more than the last second"),
    ("maxmemory-policy", "an evicted hash of wins sells units twice"),
    ("repl-backlog-ttl", "the identity changes when the backlog is freed, and events are fenced"),
    ("cluster-enabled", "nobody is promoted"),
    ("cluster-node-timeout", "a failover takes longer than a restart waits for it"),
    ("cluster-replica-validity-factor", "a replica that was restarted is not elected"),
    ("cluster-allow-replica-migration", "WAIT asks for replicas that are elsewhere"),
    ("cluster-require-full-coverage", "a dead shard stops every event"),
];

/// A setting that a Redis node should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) name: &'static str,
    pub(super) value: &'static str,
    /// What happens without it.
    pub(super) without: &'static str,
}

/// A topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) partitions: usize,
    pub(super) replicas: usize,
    /// Names and values.
    pub(super) settings: Vec<(&'static str, &'static str)>,
}

/// Settings that every node of a shard should have.
pub(super) fn of_redis() -> Vec<Demand> {
    let value = |name: &str| {
        let mut lines = REDIS.lines().filter_map(|line| line.trim().split_once(' '));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    };
    let demand = |(name, without)| Some(Demand { name, value: value(name)?, without });
    RESTS_ON.into_iter().filter_map(demand).collect()
}

/// Every topic.
pub(super) fn topics() -> Vec<Topic> {
    TOPICS.lines().filter_map(topic).collect()
}

fn topic(line: &'static str) -> Option<Topic> {
    if line.starts_with('#') {
        return None;
    }
    let mut words = line.split_ascii_whitespace();
    Some(Topic {
        name: words.next()?,
        partitions: words.next()?.parse().ok()?,
        replicas: words.next()?.parse().ok()?,
        settings: words.filter_map(|word| word.split_once('=')).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_DLT, COUPON_ISSUED_PARTITIONS, DIRECTORY};

    #[test]
    fn whatever_is_demanded_of_redis_stands_in_its_file() {
        let demands = of_redis();
        assert_eq!(demands.len(), RESTS_ON.len());
        let policy = demands.iter().find(|demand| demand.name == "maxmemory-policy").unwrap();
        assert_eq!(policy.value, "noeviction");
    }

    #[test]
    fn the_topics_are_those_of_the_contract() {
        let topics = topics();
        let names: Vec<&str> = topics.iter().map(|topic| topic.name).collect();
        assert_eq!(names, [COUPON_ISSUED, COUPON_ISSUED_DLT, DIRECTORY]);
        assert_eq!(i32::try_from(topics[0].partitions), Ok(COUPON_ISSUED_PARTITIONS));
        assert!(topics.iter().all(|topic| topic.settings.contains(&("min.insync.replicas", "2"))));
    }
}
