//! Rushes against the stack, with parts dying in the middle of them. Each ends with the checker.

use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::ids::{CouponId, EventId};
use rig::check::{History, SETTLE_WITHIN, Sources, Verdict};
use rig::rush::{Display, Plan, Through, drive};
use rig::stack::{Action, Away, Handle, exclusive, shared, wait_until};

/// A part that was killed is back, and ready, within this.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// A rush has begun within this.
const BEGUN_WITHIN: Duration = Duration::from_secs(30);

/// A name that no event had before.
pub(crate) fn new_event(what: &str) -> EventId {
    format!("{what}-{}", &CouponId::new().to_hex()[20..]).parse().unwrap()
}

/// A rush through the edges in turn, its history in the stack's directory.
pub(crate) fn plan(stack: &Handle, event: &EventId, users: u32, stock: u64) -> Plan {
    let history = stack.status().directory.join(format!("history-{event}"));
    Plan {
        through: Through::Edges,
        connections: 64,
        duplicates_percent: 20,
        ..Plan::new(users, event.clone(), stock, history)
    }
}

/// Runs a rush, and what happens during it; then judges.
pub(crate) async fn rush(
    stack: &Handle,
    plan: &Plan,
    meanwhile: impl Future<Output = ()>,
) -> (Verdict, History) {
    let rush = plan.prepare(stack).await.unwrap();
    let mut sources = Sources::of(stack).await.unwrap();
    let (driven, ()) = tokio::join!(drive(rush, &mut sources.mysql, Display::Silent), meanwhile);
    driven.unwrap();
    let history = History::read(&plan.history).unwrap();
    let verdict = sources.judge(&history, SETTLE_WITHIN).await.unwrap();
    (verdict, history)
}

/// Everybody has an answer, all units are sold, and no invariant is broken.
pub(crate) fn sold_to_the_last_unit(verdict: &Verdict, stock: u64) {
    assert!(verdict.passes(), "{verdict}");
    let counts = verdict.counts;
    let sold = (counts.told, counts.rows, counts.in_redis, counts.unknown);
    assert_eq!(sold, (stock, stock, stock, 0), "{verdict}");
}

/// Waits until so many bytes of the history are written: the rush is in full swing.
pub(crate) async fn in_full_swing(history: &Path, bytes: u64) {
    let begun = wait_until(BEGUN_WITHIN, "the middle of the rush", || async {
        match std::fs::metadata(history) {
            Ok(file) if file.len() >= bytes => Ok(()),
            Ok(file) => Err(format!("{} bytes", file.len())),
            Err(error) => Err(error.to_string()),
        }
    });
    begun.await.unwrap();
}

/// Kills a part with SIGKILL and waits until it is back in another process.
pub(crate) async fn kill(stack: &Handle, part: &str) {
    let before = stack.part(part).unwrap().pid;
    stack.act(part, Action::Kill).await.unwrap();
    let another = wait_until(BACK_WITHIN, "another process", || async {
        let now = stack.part(part).map_err(|error| error.to_string())?;
        if now.pid.is_some() && now.pid != before { Ok(()) } else { Err(format!("{now:?}")) }
    });
    another.await.unwrap();
}

#[tokio::test]
async fn five_thousand_users_each_asking_up_to_four_times_at_once() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("four-at-once");
    let plan = Plan {
        duplicates_percent: 100,
        at_once: 4,
        connections: 256,
        ..plan(&stack, &event, 5_000, 100)
    };
    let (verdict, history) = rush(&stack, &plan, async {}).await;
    sold_to_the_last_unit(&verdict, 100);
    assert_eq!(history.claims(), 5_000);
    // Each asks twice at once at least, and once more later.
    assert!(history.timing.requests >= 15_000, "{}", history.timing.requests);
}

#[tokio::test]
async fn through_nginx_nobody_gets_two_either() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("nginx");
    let plan = Plan { through: Through::Nginx, ..plan(&stack, &event, 2_000, 50) };
    let (verdict, _) = rush(&stack, &plan, async {}).await;
    sold_to_the_last_unit(&verdict, 50);
}

#[tokio::test]
async fn an_edge_that_is_killed_in_mid_rush_costs_no_told_win() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("edge-killed");
    let plan = plan(&stack, &event, 20_000, 15_000);
    let faults = async {
        for bytes in [300_000, 600_000] {
            in_full_swing(&plan.history, bytes).await;
            kill(&stack, "edge-1").await;
        }
    };
    let (verdict, history) = rush(&stack, &plan, faults).await;
    stack.ready("edge-1", BACK_WITHIN).await.unwrap();
    assert!(history.timing.again > 0, "the edge was killed too late to cost a request");
    sold_to_the_last_unit(&verdict, 15_000);
}

#[tokio::test]
async fn persisters_that_are_killed_ten_times_write_each_win_once() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("persister-killed");
    let plan = plan(&stack, &event, 20_000, 15_000);
    let faults = async {
        in_full_swing(&plan.history, 100_000).await;
        for part in ["persister-1", "persister-2"].into_iter().cycle().take(10) {
            kill(&stack, part).await;
        }
    };
    let (verdict, _) = rush(&stack, &plan, faults).await;
    for part in ["persister-1", "persister-2"] {
        stack.ready(part, BACK_WITHIN).await.unwrap();
    }
    sold_to_the_last_unit(&verdict, 15_000);
}

#[tokio::test]
async fn a_kafka_broker_that_stops_in_mid_rush_is_not_missed() {
    let _guard = exclusive().await;
    let stack = Handle::from_env().unwrap();
    let event = new_event("broker-stops");
    let stopping = plan(&stack, &event, 20_000, 15_000);
    let mut away = None;
    let faults = async {
        in_full_swing(&stopping.history, 300_000).await;
        away = Some(Away::take(&stack, "kafka-2", Action::Stop).await.unwrap());
    };
    let (verdict, _) = rush(&stack, &stopping, faults).await;
    sold_to_the_last_unit(&verdict, 15_000);

    let event = new_event("broker-down");
    let down = plan(&stack, &event, 5_000, 1_000);
    let (verdict, _) = rush(&stack, &down, async {}).await;
    sold_to_the_last_unit(&verdict, 1_000);

    away.unwrap().back(BACK_WITHIN).await.unwrap();
}

/// Where a test leaves a report.
pub(crate) fn report_path(stack: &Handle, event: &EventId) -> PathBuf {
    stack.status().directory.join(format!("report-{event}"))
}
