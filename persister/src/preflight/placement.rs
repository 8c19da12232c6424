//! Whether one host can take two things at once that must not go together: a master and its replica,
//! or a master and the leaders of its wins' partitions.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use links::kafka::Broker;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::line::Line;

const PLACEMENT: &str = "placement";
/// For a broker's name to be resolved.
const RESOLVE_WITHIN: Duration = Duration::from_secs(2);

/// Whether everything may stand on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneHost {
    /// It is said: fine for a test, not for a sale.
    Warn,
    /// It is meant so.
    Fine,
}

/// Compares the hosts of a shard's nodes (its master first) and of the brokers that lead.
pub(super) async fn look(nodes: &[SocketAddr], leaders: &[Broker], one_host: OneHost) -> Vec<Line> {
    // Whatever is missing is to be done by its own line.
    let [master, replicas @ ..] = nodes else {
        return Vec::new();
    };
    let mut hosts = BTreeSet::new();
    for broker in leaders {
        match resolved(broker).await {
            Some(host) => {
                hosts.insert(host);
            }
            None => {
                let says =
                    format!("the host of broker {} ({}) is not known", broker.id, broker.host);
                return vec![Line::warning(PLACEMENT, "", says)];
            }
        }
    }
    let replicas: Vec<IpAddr> = replicas.iter().map(SocketAddr::ip).collect();
    judge(master.ip(), &replicas, &hosts, one_host)
}

async fn resolved(broker: &Broker) -> Option<IpAddr> {
    let port = u16::try_from(broker.port).ok()?;
    let found = timeout(RESOLVE_WITHIN, lookup_host((broker.host.as_str(), port))).await;
    found.ok()?.ok()?.next().map(|address| address.ip())
}

fn judge(
    master: IpAddr,
    replicas: &[IpAddr],
    leaders: &BTreeSet<IpAddr>,
    one_host: OneHost,
) -> Vec<Line> {
    if replicas.iter().chain(leaders).all(|&host| host == master) {
        return vec![match one_host {
            OneHost::Fine => {
                Line::ok(PLACEMENT, master, "everything is on one host, as it is meant")
            }
            OneHost::Warn => Line::warning(
                PLACEMENT,
                master,
                "one host: fine for a test, not for a sale (--one-host-is-fine)",
            ),
        }];
    }
    let mut lines = Vec::new();
    if replicas.contains(&master) {
        let says = "the master and its replica are on one host: move the replica";
        lines.push(Line::to_do(PLACEMENT, master, says));
    }
    if leaders.contains(&master) {
        let says = "the master and brokers that lead partitions of wins are on one host: lead them \
            elsewhere (kafka-leader-election), or fail the master over";
        lines.push(Line::to_do(PLACEMENT, master, says));
    }
    if leaders.len() == 1 {
        let says = "one host leads all partitions of wins: spread them (kafka-leader-election \
            --election-type preferred)";
        lines.push(Line::to_do(PLACEMENT, "", says));
    }
    if lines.is_empty() {
        let says = "master, replicas and the leaders of its wins are on different hosts";
        lines.push(Line::ok(PLACEMENT, "", says));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    fn host(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    fn judged(replica: u8, leaders: &[u8], one_host: OneHost) -> Vec<Verdict> {
        let leaders = leaders.iter().copied().map(host).collect();
        verdicts(&judge(host(1), &[host(replica)], &leaders, one_host))
    }

    #[test]
    fn what_must_not_go_together_is_apart() {
        assert_eq!(judged(2, &[3, 4, 5], OneHost::Warn), [Verdict::Ok]);
        assert_eq!(judged(1, &[3, 4], OneHost::Warn), [Verdict::ToDo]);
        assert_eq!(judged(2, &[1, 3], OneHost::Warn), [Verdict::ToDo]);
        assert_eq!(judged(2, &[3], OneHost::Warn), [Verdict::ToDo]);
        assert_eq!(judged(1, &[1, 3], OneHost::Fine), [Verdict::ToDo, Verdict::ToDo]);
    }

    #[test]
    fn one_host_is_for_tests() {
        assert_eq!(judged(1, &[1], OneHost::Warn), [Verdict::Warning]);
        assert_eq!(judged(1, &[1], OneHost::Fine), [Verdict::Ok]);
    }

    #[tokio::test]
    async fn a_broker_is_compared_by_its_address() {
        let broker = Broker { id: 1, host: "127.0.0.1".to_owned(), port: 9_092 };
        assert_eq!(resolved(&broker).await, Some(IpAddr::from([127, 0, 0, 1])));
        let nodes = ["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()];
        let lines = look(&nodes, &[broker], OneHost::Fine).await;
        assert_eq!(verdicts(&lines), [Verdict::Ok]);
        assert!(look(&[], &[], OneHost::Fine).await.is_empty());
    }
}
