//! What is broken, how it is undone, and which alerts must come of it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use contract::keys::EventKeys;
use contract::topics::COUPON_ISSUED;
use links::kafka::{Kafka, NewRecord};
use mysql_async::prelude::Queryable;

use super::ground::{ENDLESS, Ground, SOLD, failed};
use crate::faults::FaultError;
use crate::stack::{Action, PartKind, wait_until};

/// Something that is done to the ground.
type Step =
    for<'a> fn(&'a mut Ground) -> Pin<Box<dyn Future<Output = Result<(), FaultError>> + 'a>>;

/// A fault and its alerts.
#[derive(Clone, Copy)]
pub struct Case {
    /// As `--only` names it.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Each must fire within its time, reach Alertmanager, and end.
    pub alerts: &'static [Awaited],
    /// Breaks something. The fault is there once it returns.
    pub(super) strike: Step,
    /// Undoes it.
    pub(super) heal: Step,
}

/// An alert that a case waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Its name.
    pub alert: &'static str,
    /// From the fault until a scrape can show it, at whatever pace the rules are: what programs take to
    /// notice, and the seconds that a rule compares with. All else is in the rules.
    pub(super) needs: Duration,
}

/// The next scrape shows it, or one within a second or two.
const fn at_once(alert: &'static str) -> Awaited {
    Awaited { alert, needs: Duration::ZERO }
}

const fn after(seconds: u64, alert: &'static str) -> Awaited {
    Awaited { alert, needs: Duration::from_secs(seconds) }
}

/// The leader looks at Redis every 5 s (`persister/src/watch`), for as long as one command may take.
const REDIS_LOOKED_AT_S: u64 = 7;
/// A node is called down twice `cluster-node-timeout` (2 s) after it fell silent; then comes the look.
const SHARD_GONE_S: u64 = 4 + REDIS_LOOKED_AT_S;
/// The rule compares with 30 s; an event is looked at every half second, a silent shard for longer.
const FENCED_S: u64 = 30 + 5;
/// The lease is renewed every 2 s, and a renewal has 5 s.
const MYSQL_MISSED_S: u64 = 7;
/// A lease is good for 6 s; what its leader has begun may end for 8 s, and is given back in 2 s.
const LEASE_GONE_S: u64 = 6 + 8 + 2;
/// A batch waits for a lock for 3 s and is fetched again after a pause.
const BATCH_FAILED_S: u64 = 5;
/// The rule compares with 30 s.
const BEHIND_S: u64 = 30 + BATCH_FAILED_S;
/// Kafka is looked at every 3 s, and a broker has 2 s to answer.
const KAFKA_LOOKED_AT_S: u64 = 5;
/// The rule compares with 20 s. How old an outbox is shows once its relay has given a record up, after
/// 7 s; a look just before the 20 s does not count.
const OUTBOX_OLD_S: u64 = 20 + 2 * 7;
/// A probe comes each second; its record has 2 s for a leader and 5 s to be acknowledged.
const PROBE_FAILED_S: u64 = 1 + 2 + 5;
/// Two looks at the books must agree. The next one comes after 10 s, or nineteen times as long as the
/// last one took: a second each.
const TWO_LOOKS_S: u64 = 2 * (1 + 19);
const PERSISTERS: [&str; 2] = ["persister-1", "persister-2"];
/// Two of three: nothing has a majority any more.
const BROKERS: [&str; 2] = ["kafka-2", "kafka-3"];
/// What is no entry of an outbox of ours.
const JUNK: [&str; 3] = ["1-99999999", "format", "99"];
/// A win that was published again is a row within this.
const REPAIRED_WITHIN: Duration = Duration::from_secs(60);

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        name: "edge-stopped",
        about: "one of two edges is away",
        alerts: &[at_once("PartDown")],
        strike: |ground| Box::pin(ground.act(&["edge-2"], Action::Stop)),
        heal: |ground| Box::pin(ground.back(&["edge-2"])),
    },
    Case {
        name: "persisters-stopped",
        about: "no persister is left",
        alerts: &[at_once("PartDown"), at_once("NoLeader")],
        strike: |ground| Box::pin(ground.act(&PERSISTERS, Action::Stop)),
        heal: |ground| Box::pin(ground.back(&PERSISTERS)),
    },
    Case {
        name: "replica-stopped",
        about: "a shard has no replica",
        alerts: &[after(REDIS_LOOKED_AT_S, "RedisReplicaMissing")],
        strike: |ground| Box::pin(stop_replica(ground)),
        heal: |ground| Box::pin(nodes_back(ground)),
    },
    Case {
        name: "shard-stopped",
        about: "both nodes of a shard are away",
        alerts: &[after(SHARD_GONE_S, "RedisNotWhole"), after(FENCED_S, "EventFenced")],
        strike: |ground| Box::pin(stop_shard(ground)),
        heal: |ground| Box::pin(nodes_back(ground)),
    },
    Case {
        name: "memory-nearly-full",
        about: "a shard has a twentieth of its memory left",
        alerts: &[after(REDIS_LOOKED_AT_S, "RedisMemory")],
        strike: |ground| Box::pin(little_memory(ground)),
        heal: |ground| Box::pin(all_memory(ground)),
    },
    Case {
        name: "mysql-stopped",
        about: "the database is away",
        alerts: &[after(MYSQL_MISSED_S, "MysqlUnreachable"), after(LEASE_GONE_S, "NoLeader")],
        strike: |ground| Box::pin(ground.act(&["mysql-1"], Action::KillStayDown)),
        heal: |ground| Box::pin(ground.back(&["mysql-1"])),
    },
    Case {
        name: "rows-locked",
        about: "somebody else's transaction holds the rows of an event",
        alerts: &[after(BATCH_FAILED_S, "RowsStuck"), after(BEHIND_S, "ConsumerBehind")],
        strike: |ground| Box::pin(lock(ground)),
        heal: |ground| Box::pin(unlock(ground)),
    },
    Case {
        name: "brokers-stopped",
        about: "two of three brokers are away",
        alerts: &[
            after(KAFKA_LOOKED_AT_S, "KafkaNotWhole"),
            at_once("PublisherStuck"),
            after(OUTBOX_OLD_S, "OutboxOld"),
            after(PROBE_FAILED_S, "DirectoryUnreachable"),
        ],
        strike: |ground| Box::pin(ground.act(&BROKERS, Action::KillStayDown)),
        heal: |ground| Box::pin(ground.back(&BROKERS)),
    },
    Case {
        name: "poison",
        about: "a record that nobody can read",
        alerts: &[at_once("DeadLetters")],
        strike: |ground| Box::pin(poison(ground)),
        heal: |_| Box::pin(std::future::ready(Ok(()))),
    },
    Case {
        name: "outbox-unreadable",
        about: "an outbox entry of another format",
        alerts: &[at_once("OutboxUnreadable")],
        strike: |ground| Box::pin(junk(ground)),
        heal: |ground| Box::pin(no_junk(ground)),
    },
    Case {
        name: "row-deleted",
        about: "a row of a win that was told is gone",
        alerts: &[after(TWO_LOOKS_S, "BooksDiffer")],
        strike: |ground| Box::pin(delete_row(ground)),
        heal: |ground| Box::pin(repair(ground)),
    },
    Case {
        name: "stock-below-held",
        about: "somebody lowered a stock by hand, below what winners hold",
        alerts: &[at_once("EventHalted")],
        strike: |ground| Box::pin(stock(ground, SOLD / 2)),
        heal: |ground| Box::pin(stock(ground, ENDLESS)),
    },
];

async fn stop_replica(ground: &Ground) -> Result<(), FaultError> {
    let shard = ground.shard().await?;
    ground.act(&[shard.replica.as_str()], Action::KillStayDown).await
}

/// The replica first: it would take over.
async fn stop_shard(ground: &Ground) -> Result<(), FaultError> {
    let shard = ground.shard().await?;
    ground.act(&[shard.replica.as_str(), shard.master.as_str()], Action::KillStayDown).await
}

async fn nodes_back(ground: &Ground) -> Result<(), FaultError> {
    let nodes: Vec<&str> =
        ground.stack.status().of_kind(PartKind::Redis).map(|part| part.name.as_str()).collect();
    ground.back(&nodes).await
}

async fn little_memory(ground: &Ground) -> Result<(), FaultError> {
    let info = ground.redis(&["INFO", "memory"]).await?;
    let used = info.lines().find_map(|line| line.trim_end().strip_prefix("used_memory:"));
    let used: u64 = used.and_then(|used| used.parse().ok()).unwrap_or(0);
    let most = (used + used / 19).to_string();
    ground.redis(&["CONFIG", "SET", "maxmemory", &most]).await?;
    Ok(())
}

async fn all_memory(ground: &Ground) -> Result<(), FaultError> {
    ground.redis(&["CONFIG", "SET", "maxmemory", "0"]).await?;
    Ok(())
}

/// Locks the gaps that the busy event's next rows would go into.
async fn lock(ground: &mut Ground) -> Result<(), FaultError> {
    let mut conn = ground.connect().await?;
    let statements = [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned(),
        "START TRANSACTION".to_owned(),
        format!("SELECT COUNT(*) FROM coupons WHERE event_id = '{}' FOR UPDATE", ground.busy),
    ];
    for statement in statements {
        conn.query_drop(&statement).await.map_err(|error| failed(&statement, error))?;
    }
    ground.locks = Some(conn);
    Ok(())
}

async fn unlock(ground: &mut Ground) -> Result<(), FaultError> {
    let Some(mut conn) = ground.locks.take() else {
        return Ok(());
    };
    conn.query_drop("ROLLBACK").await.map_err(|error| failed("ROLLBACK", error))?;
    conn.disconnect().await.map_err(|error| failed("ROLLBACK", error))
}

async fn poison(ground: &Ground) -> Result<(), FaultError> {
    let brokers = ground.stack.addresses(PartKind::Kafka);
    let kafka = Kafka::plain(brokers.iter().map(ToString::to_string).collect());
    let record = NewRecord {
        key: b"poison".to_vec(),
        value: Some(vec![0xff, 0, b'{']),
        headers: BTreeMap::new(),
    };
    kafka.partition(COUPON_ISSUED, 0).produce(vec![record]).await?;
    Ok(())
}

async fn junk(ground: &Ground) -> Result<(), FaultError> {
    let key = EventKeys::new(&ground.quiet).outbox;
    let [id, name, value] = JUNK;
    ground.redis(&["XADD", &key, id, name, value]).await?;
    Ok(())
}

async fn no_junk(ground: &Ground) -> Result<(), FaultError> {
    let key = EventKeys::new(&ground.quiet).outbox;
    ground.redis(&["XDEL", &key, JUNK[0]]).await?;
    Ok(())
}

async fn delete_row(ground: &Ground) -> Result<(), FaultError> {
    let delete = "DELETE FROM coupons WHERE event_id = ? AND sequence = 1";
    ground.mysql(delete, (ground.quiet.as_str(),)).await
}

async fn repair(ground: &Ground) -> Result<(), FaultError> {
    let event = ground.quiet.as_str();
    let why = "a row was deleted by hand";
    let arguments = ["reconcile", "--event", event, "--repair", "--why", why];
    let clean = wait_until(REPAIRED_WITHIN, "nothing left to reconcile", || async {
        ground.persister(&arguments).await.map_err(|error| error.to_string())
    });
    clean.await?;
    ground.rows(SOLD).await
}

async fn stock(ground: &Ground, units: u64) -> Result<(), FaultError> {
    let update = "UPDATE events SET stock = ? WHERE event_id = ?";
    ground.mysql(update, (units, ground.quiet.as_str())).await
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::alerts::pace::Pace;
    use crate::alerts::prometheus::times_at;

    /// Nobody is to wait for longer until somebody is told, with the rules as they are written.
    const MOST: Duration = Duration::from_secs(240);

    #[test]
    fn every_alert_that_is_waited_for_has_a_time_by_the_rules() {
        for pace in [Pace::QUICK, Pace::AS_WRITTEN] {
            let times = times_at(pace).unwrap();
            for case in CASES {
                assert!(!case.alerts.is_empty());
                for Awaited { alert, needs } in case.alerts {
                    let within = times.within(alert, *needs).expect(alert);
                    assert!(within <= MOST, "{}: {alert} {within:?}", case.name);
                }
            }
        }
    }

    #[test]
    fn every_case_has_its_own_name() {
        let names: HashSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        assert!(CASES.len() >= 8);
    }
}
