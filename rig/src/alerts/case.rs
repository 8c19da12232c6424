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
    /// Each must fire, reach Alertmanager, and end.
    pub alerts: &'static [&'static str],
    /// Breaks something.
    pub(super) strike: Step,
    /// Undoes it.
    pub(super) heal: Step,
    /// What the longest range of these alerts remembers, as it is written.
    pub(super) remembers: Duration,
}

/// A range of a minute, as most alerts have.
const MINUTE: Duration = Duration::from_secs(60);
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
        alerts: &["PartDown"],
        strike: |ground| Box::pin(ground.act(&["edge-2"], Action::Stop)),
        heal: |ground| Box::pin(ground.back(&["edge-2"])),
        remembers: MINUTE,
    },
    Case {
        name: "persisters-stopped",
        about: "no persister is left",
        alerts: &["PartDown", "NoLeader"],
        strike: |ground| Box::pin(ground.act(&PERSISTERS, Action::Stop)),
        heal: |ground| Box::pin(ground.back(&PERSISTERS)),
        remembers: MINUTE,
    },
    Case {
        name: "replica-stopped",
        about: "a shard has no replica",
        alerts: &["RedisReplicaMissing"],
        strike: |ground| Box::pin(stop_replica(ground)),
        heal: |ground| Box::pin(nodes_back(ground)),
        remembers: MINUTE,
    },
    Case {
        name: "shard-stopped",
        about: "both nodes of a shard are away",
        alerts: &["RedisNotWhole", "EventFenced"],
        strike: |ground| Box::pin(stop_shard(ground)),
        heal: |ground| Box::pin(nodes_back(ground)),
        remembers: MINUTE,
    },
    Case {
        name: "memory-nearly-full",
        about: "a shard has a twentieth of its memory left",
        alerts: &["RedisMemory"],
        strike: |ground| Box::pin(little_memory(ground)),
        heal: |ground| Box::pin(all_memory(ground)),
        remembers: MINUTE,
    },
    Case {
        name: "mysql-stopped",
        about: "the database is away",
        alerts: &["MysqlUnreachable", "NoLeader"],
        strike: |ground| Box::pin(ground.act(&["mysql-1"], Action::KillStayDown)),
        heal: |ground| Box::pin(ground.back(&["mysql-1"])),
        remembers: MINUTE,
    },
    Case {
        name: "rows-locked",
        about: "somebody else's transaction holds the rows of an event",
        alerts: &["RowsStuck", "ConsumerBehind"],
        strike: |ground| Box::pin(lock(ground)),
        heal: |ground| Box::pin(unlock(ground)),
        remembers: MINUTE,
    },
    Case {
        name: "brokers-stopped",
        about: "two of three brokers are away",
        alerts: &["KafkaNotWhole", "PublisherStuck", "OutboxOld", "DirectoryUnreachable"],
        strike: |ground| Box::pin(ground.act(&BROKERS, Action::KillStayDown)),
        heal: |ground| Box::pin(ground.back(&BROKERS)),
        remembers: MINUTE,
    },
    Case {
        name: "poison",
        about: "a record that nobody can read",
        alerts: &["DeadLetters"],
        strike: |ground| Box::pin(poison(ground)),
        heal: |_| Box::pin(std::future::ready(Ok(()))),
        remembers: Duration::from_secs(600),
    },
    Case {
        name: "outbox-unreadable",
        about: "an outbox entry of another format",
        alerts: &["OutboxUnreadable"],
        strike: |ground| Box::pin(junk(ground)),
        heal: |ground| Box::pin(no_junk(ground)),
        remembers: MINUTE,
    },
    Case {
        name: "row-deleted",
        about: "a row of a win that was told is gone",
        alerts: &["BooksDiffer"],
        strike: |ground| Box::pin(delete_row(ground)),
        heal: |ground| Box::pin(repair(ground)),
        remembers: MINUTE,
    },
    Case {
        name: "stock-below-held",
        about: "somebody lowered a stock by hand, below what winners hold",
        alerts: &["EventHalted"],
        strike: |ground| Box::pin(stock(ground, SOLD / 2)),
        heal: |ground| Box::pin(stock(ground, ENDLESS)),
        remembers: MINUTE,
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
    let kafka = Kafka::new(brokers.iter().map(ToString::to_string).collect());
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
    use std::fs;

    use super::*;
    use crate::stack::repository_root;

    #[test]
    fn every_alert_that_is_waited_for_is_one_of_the_rules() {
        let rules = repository_root().join("ops/prometheus/alerts.yml");
        let rules = fs::read_to_string(rules).unwrap();
        let rules: HashSet<&str> =
            rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        for case in CASES {
            assert!(!case.alerts.is_empty());
            for alert in case.alerts {
                assert!(rules.contains(alert), "{}: {alert}", case.name);
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
