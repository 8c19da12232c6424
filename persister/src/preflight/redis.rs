//! The shard that holds the event: its replicas and how its nodes are set.

use std::net::SocketAddr;

use links::redis::{Cluster, Follower, Info, RedisError, Settings};

use super::demanded::{self, Demand};
use super::line::Line;

const REPLICAS: &str = "redis replicas";
const SETTINGS: &str = "redis settings";
const VERSION: &str = "redis version";
/// A replica acknowledges once a second; one that did not for longer holds nothing of what comes.
const MOST_LAG_S: u64 = 3;
/// What is on its way to a replica at a moment of a busy shard.
const MOST_BEHIND_BYTES: u64 = 4 * 1024 * 1024;
/// The first with functions that are relied on: several names in one CONFIG GET.
const FIRST_MAJOR: u32 = 7;

/// Asks a master and its replicas; returns what was found and where the replicas are.
pub(super) async fn look(cluster: &Cluster, master: SocketAddr) -> (Vec<Line>, Vec<SocketAddr>) {
    let info = match cluster.info_of(master, &["replication"]).await {
        Ok(info) => info,
        Err(error) => return (vec![silent(REPLICAS, master, &error)], Vec::new()),
    };
    let followers = info.followers();
    let mut lines = judge_replicas(&info, &followers, cluster.replicas());
    let addresses: Vec<SocketAddr> = followers.iter().map(|follower| follower.address).collect();
    for node in [&[master], addresses.as_slice()].concat() {
        lines.push(settings(cluster, node).await);
        lines.push(version(cluster, node).await);
    }
    (lines, addresses)
}

async fn settings(cluster: &Cluster, node: SocketAddr) -> Line {
    let demands = demanded::of_redis();
    let names: Vec<&str> = demands.iter().map(|demand| demand.name).collect();
    match cluster.settings_of(node, &names).await {
        Ok(settings) => judge_settings(node, &demands, &settings),
        Err(error) => silent(SETTINGS, node, &error),
    }
}

async fn version(cluster: &Cluster, node: SocketAddr) -> Line {
    match cluster.info_of(node, &["server"]).await {
        Ok(info) => judge_version(node, info.get("redis_version").unwrap_or_default()),
        Err(error) => silent(VERSION, node, &error),
    }
}

/// A node that does not answer.
pub(super) fn silent(check: &'static str, node: SocketAddr, error: &RedisError) -> Line {
    Line::to_do(check, node, format_args!("it does not answer ({error}): bring it back"))
}

fn judge_replicas(info: &Info, followers: &[Follower], wanted: u32) -> Vec<Line> {
    let end = info.number("master_repl_offset").unwrap_or(0);
    let mut lines: Vec<Line> =
        followers.iter().map(|follower| judge_replica(follower, end)).collect();
    let there = followers.len();
    if there != wanted as usize {
        let says = format!(
            "{there} are there, FIRSTCOME_REDIS_REPLICAS says {wanted}: start what is missing, or \
             give every part the right number"
        );
        lines.push(Line::to_do(REPLICAS, "", says));
    }
    lines
}

fn judge_replica(follower: &Follower, end: u64) -> Line {
    let Follower { address, online, offset, lag_s } = *follower;
    let behind = end.saturating_sub(offset);
    if !online {
        return Line::to_do(
            REPLICAS,
            address,
            "it has no whole copy yet: wait, or look at its log",
        );
    }
    if lag_s > MOST_LAG_S {
        let says = format!("it has acknowledged nothing for {lag_s} s: bring its link back");
        return Line::to_do(REPLICAS, address, says);
    }
    if behind > MOST_BEHIND_BYTES {
        let says = format!("it is {behind} bytes behind: find out what slows it down");
        return Line::to_do(REPLICAS, address, says);
    }
    Line::ok(REPLICAS, address, format_args!("online, {behind} bytes behind"))
}

fn judge_settings(node: SocketAddr, demands: &[Demand], settings: &Settings) -> Line {
    let found = |name: &str| settings.get(name).map_or("nothing", String::as_str);
    let wrong: Vec<String> = demands
        .iter()
        .filter(|demand| !is_met(demand, found(demand.name)))
        .map(|Demand { name, value, without }| {
            format!("{name} is {}, not {value} ({without})", found(name))
        })
        .collect();
    if wrong.is_empty() {
        return Line::ok(SETTINGS, node, "as ops/redis/redis.conf has them");
    }
    let says = format!("set what ops/redis/redis.conf says: {}", wrong.join("; "));
    Line::to_do(SETTINGS, node, says)
}

/// Safer is good enough where there is a safer one.
fn is_met(demand: &Demand, found: &str) -> bool {
    match demand.name {
        "appendfsync" => [demand.value, "always"].contains(&found),
        "cluster-node-timeout" => {
            let number = |text: &str| text.parse::<u64>().ok();
            number(found).zip(number(demand.value)).is_some_and(|(found, most)| found <= most)
        }
        _ => found == demand.value,
    }
}

fn judge_version(node: SocketAddr, version: &str) -> Line {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= FIRST_MAJOR => Line::ok(VERSION, node, version),
        _ => Line::to_do(VERSION, node, format_args!("{version:?}: {FIRST_MAJOR} or later")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    fn node() -> SocketAddr {
        "10.0.0.1:6379".parse().unwrap()
    }

    fn replicas(slaves: &str) -> Vec<Verdict> {
        let info = Info::parse(&format!("role:master\r\nmaster_repl_offset:9000000\r\n{slaves}"));
        verdicts(&judge_replicas(&info, &info.followers(), 1))
    }

    #[test]
    fn a_replica_is_there_whole_answers_and_keeps_up() {
        let slave = |state: &str, offset: u64, lag: u64| {
            format!("slave0:ip=10.0.0.2,port=6379,state={state},offset={offset},lag={lag}\r\n")
        };
        assert_eq!(replicas(&slave("online", 8_999_000, 1)), [Verdict::Ok]);
        assert_eq!(replicas(&slave("wait_bgsave", 0, 0)), [Verdict::ToDo]);
        assert_eq!(replicas(&slave("online", 9_000_000, 9)), [Verdict::ToDo]);
        assert_eq!(replicas(&slave("online", 100, 0)), [Verdict::ToDo]);
        assert_eq!(replicas(""), [Verdict::ToDo], "none is there");
        let second = "slave1:ip=10.0.0.3,port=6379,state=online,offset=9000000,lag=0\r\n";
        let two = format!("{}{second}", slave("online", 9_000_000, 0));
        assert_eq!(replicas(&two), [Verdict::Ok, Verdict::Ok, Verdict::ToDo], "one too many");
    }

    #[test]
    fn a_setting_that_differs_is_named_with_what_it_should_be() {
        let demands = demanded::of_redis();
        let mut settings: Settings =
            demands.iter().map(|one| (one.name.to_owned(), one.value.to_owned())).collect();
        assert_eq!(judge_settings(node(), &demands, &settings).verdict, Verdict::Ok);
        settings.insert("appendfsync".to_owned(), "always".to_owned());
        settings.insert("cluster-node-timeout".to_owned(), "1000".to_owned());
        assert_eq!(judge_settings(node(), &demands, &settings).verdict, Verdict::Ok, "safer");
        for (name, value) in [
            ("appendonly", "no"),
            ("appendfsync", "no"),
            ("maxmemory-policy", "allkeys-lru"),
            ("cluster-node-timeout", "15000"),
        ] {
            let mut settings = settings.clone();
            settings.insert(name.to_owned(), value.to_owned());
            let line = judge_settings(node(), &demands, &settings);
            assert_eq!(line.verdict, Verdict::ToDo);
            assert!(line.says.contains(&format!("{name} is {value}, not ")), "{line}");
        }
        settings.remove("appendonly");
        assert!(judge_settings(node(), &demands, &settings).says.contains("appendonly is nothing"));
    }

    #[test]
    fn an_old_redis_is_noticed() {
        assert_eq!(judge_version(node(), "7.0.15").verdict, Verdict::Ok);
        assert_eq!(judge_version(node(), "6.2.1").verdict, Verdict::ToDo);
        assert_eq!(judge_version(node(), "").verdict, Verdict::ToDo);
    }
}
