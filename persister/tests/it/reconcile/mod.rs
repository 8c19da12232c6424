//! Redis and MySQL side by side: every kind of difference is planted, found, and repaired in the two
//! ways that there are; what is merely on its way is never found.
//!
//! - `runs`: the leader's own ones, who began them, and their history.

mod runs;

use std::collections::BTreeMap;
use std::time::Duration;

use contract::ids::EventId;
use contract::keys::EventKeys;
use links::redis::{Cluster, Script};
use mysql_async::Params;
use mysql_async::prelude::Queryable;
use rig::check::Sources;
use rig::rush::{Display, Plan, Through, drive};
use rig::stack::{Action, exclusive, shared, wait_until};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::rearm::armed_again;
use crate::relay::claim;
use crate::world::{Ran, SOON, World, new_id};

/// A run of one event, its deadline and second looks included.
const RUN: Duration = Duration::from_secs(120);

/// Two runs never work at once, so these tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

async fn run(world: &World, words: &[&str]) -> Ran {
    let words = [&["reconcile", "--json"], words].concat();
    let mut command = world.handle.persister_command(&words).unwrap();
    let output = timeout(RUN, command.output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn runs_of(world: &World, limit: &str) -> Value {
    world.run(&["reconcile", "history", "--limit", limit, "--json"]).await.json()
}

/// A run in its turn: how it exited, and the report.
pub(crate) async fn checked(world: &World, words: &[&str]) -> (Option<i32>, Value) {
    let _turn = turn().await;
    let ran = run(world, words).await;
    (ran.code, ran.json())
}

/// One event's part of a run: how it exited, and the report.
async fn reconcile(world: &World, event: &EventId, words: &[&str]) -> (Option<i32>, Value) {
    let ran = run(world, &[&["--event", event.as_str()], words].concat()).await;
    let report = ran.json();
    assert_eq!(report["reports"][0]["event_id"], event.as_str(), "{ran:?}");
    (ran.code, report)
}

/// Counts by kind.
fn kinds(report: &Value) -> BTreeMap<String, u64> {
    let differences = report["reports"][0]["differences"].as_array().unwrap();
    let kind = |difference: &Value| {
        let kind = difference["kind"].as_str().unwrap().to_owned();
        (kind, difference["count"].as_u64().unwrap())
    };
    differences.iter().map(kind).collect()
}

fn counts(wanted: &[(&str, u64)]) -> BTreeMap<String, u64> {
    wanted.iter().map(|&(kind, count)| (kind.to_owned(), count)).collect()
}

/// The first offender of a kind.
fn offender<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let differences = report["reports"][0]["differences"].as_array().unwrap();
    let difference = differences.iter().find(|difference| difference["kind"] == kind).unwrap();
    &difference["offenders"][0]
}

/// An event with a win of user-1, user-2, … each, all of them rows and none in the outbox.
async fn sold(world: &World, name: &str, wins: u32) -> EventId {
    let event = world.open_event(name, wins).await;
    let users: Vec<String> = (1..=wins).map(|number| format!("user-{number}")).collect();
    claim(world, &event, &users).await;
    world.rows_when(&event, users.len()).await;
    let look = || async {
        let page = world.cluster.outbox(&event, None, 10).await.unwrap();
        if page.entries.is_empty() { Ok(()) } else { Err("entries are left") }
    };
    wait_until(SOON, "an empty outbox", look).await.unwrap();
    event
}

async fn change(world: &World, statement: &str, params: impl Into<Params> + Send) {
    let mut conn = world.mysql().await;
    conn.exec_drop(statement, params.into()).await.unwrap();
    assert_eq!(conn.affected_rows(), 1, "{statement}");
    conn.disconnect().await.unwrap();
}

/// One command on an event's wins or outbox.
async fn on_key(world: &World, event: &EventId, key: &str, words: &[&str]) {
    let script = Script::new("return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))");
    let slot = Cluster::slot_of(event);
    world.cluster.run_script(slot, &script, &[key], words).await.unwrap();
}

#[tokio::test]
async fn an_event_that_agrees_is_clean_and_the_run_has_its_row() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "agrees", 40).await;
    let (code, report) = reconcile(&world, &event, &[]).await;
    assert_eq!((code, &report["differences"]), (Some(0), &json!(0)), "{report}");
    let of = &report["reports"][0];
    assert_eq!((&of["wins"], &of["rows"], &of["held"]), (&json!(40), &json!(40), &json!(40)));
    assert_eq!(of["not_judged"], Value::Null);

    let (code, gently) = reconcile(&world, &event, &["--gently"]).await;
    assert_eq!((code, &gently["reports"][0]["wins"]), (Some(0), &json!(40)), "{gently}");

    let id: uuid::Uuid = report["run_id"].as_str().unwrap().parse().unwrap();
    let rows: Vec<(String, String, u32, u64, String)> = world
        .query(
            "SELECT mode, event_id, events, differences, report FROM reconciliations \
             WHERE run_id = ? AND ended_at >= started_at",
            (id.as_bytes().as_slice(),),
        )
        .await;
    let [(mode, of_event, events, differences, stored)] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!((mode.as_str(), of_event.as_str()), ("report", event.as_str()));
    assert_eq!((*events, *differences), (1, 0));
    let stored: Value = serde_json::from_str(stored).unwrap();
    assert_eq!(stored, report["reports"]);
}

/// Changes of a row, by the user whose row it is, and what each is found as.
const ROWS: [(u32, &str, &str); 7] = [
    (1, "DELETE FROM coupons WHERE event_id = ? AND user_id = ?", "row_missing"),
    (
        2,
        "UPDATE coupons SET coupon_id = UNHEX(MD5(event_id)) WHERE event_id = ? AND user_id = ?",
        "row_taken",
    ),
    (
        3,
        "UPDATE coupons SET user_id = 'mallory' WHERE event_id = ? AND user_id = ?",
        "user_differs",
    ),
    (4, "UPDATE coupons SET sequence = 30 WHERE event_id = ? AND user_id = ?", "sequence_differs"),
    (5, "UPDATE coupons SET user_nth = 2 WHERE event_id = ? AND user_id = ?", "nth_differs"),
    (6, "UPDATE coupons SET quantity = 2 WHERE event_id = ? AND user_id = ?", "quantity_differs"),
    (
        7,
        "UPDATE coupons SET state = 'revoked', revision = 2 WHERE event_id = ? AND user_id = ?",
        "state_differs",
    ),
];

#[tokio::test]
async fn every_kind_of_difference_is_found_repaired_and_gone_in_the_next_run() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "planted", 20).await;
    let id = event.as_str();
    // Numbers that nobody has, for a row to be moved to.
    world.on_state(&event, &["HSET", "sequence", "30"]).await;
    for (user, statement, _) in ROWS {
        change(&world, statement, (id, format!("user-{user}"))).await;
    }
    let revision = "UPDATE coupons SET revision = 9 WHERE event_id = ? AND user_id = 'user-8'";
    change(&world, revision, (id,)).await;
    let letter = "INSERT INTO dead_letters (topic, part, kafka_offset, event_id, coupon_id, \
                    reason, message, created_at) \
                  SELECT 'planted', 0, UNIX_TIMESTAMP(), event_id, coupon_id, 'rejected', 'why', \
                    UTC_TIMESTAMP(3) \
                  FROM coupons WHERE event_id = ? AND user_id = 'user-9'";
    change(&world, letter, (id,)).await;
    let delete = "DELETE FROM coupons WHERE event_id = ? AND user_id = ?";
    change(&world, delete, (id, "user-9")).await;
    let keys = EventKeys::new(&event);
    on_key(&world, &event, &keys.wins, &["HDEL", "user-10"]).await;
    on_key(&world, &event, &keys.wins, &["HSET", "zed", "nonsense"]).await;
    on_key(&world, &event, &keys.outbox, &["XADD", "9-1", "format", "9"]).await;

    let (code, report) = reconcile(&world, &event, &[]).await;
    let mut wanted = counts(&ROWS.map(|(_, _, kind)| (kind, 1)));
    wanted.extend(counts(&[
        ("revision_differs", 1),
        ("dead_lettered", 1),
        // user-10's, and the row that took user-2's place.
        ("win_missing", 2),
        // user-10's unit is counted and nobody's.
        ("held_wrong", 1),
        ("wins_unreadable", 1),
        ("entry_unreadable", 1),
    ]));
    assert_eq!(kinds(&report), wanted, "{report}");
    assert_eq!((code, &report["differences"]), (Some(1), &json!(13)));
    assert_eq!(offender(&report, "row_missing")["user"], "user-1");
    assert_eq!(offender(&report, "user_differs")["user"], "user-3");
    let detail = offender(&report, "state_differs")["detail"].as_str().unwrap();
    assert!(detail.contains("issued") && detail.contains("revoked"), "{detail}");
    // Reporting repairs nothing.
    assert_eq!(asked(&world, &event).await, 0);
    assert_eq!((&report["published"], &report["rearms_asked"]), (&json!(0), &json!(0)));

    // Somebody has looked into the letter: its win is published again, as the missing one is.
    let resolve = "UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3) WHERE event_id = ?";
    change(&world, resolve, (id,)).await;
    // There is a unit for it, though another row has two by now.
    world.event(&["stock", id, "--to", "40", "--wait-s", "60"]).await;
    let (code, report) = reconcile(&world, &event, &["--repair"]).await;
    assert_eq!((code, &report["published"]), (Some(1), &json!(2)), "{report}");
    assert_eq!(report["rearms_asked"], 1);
    assert_eq!(asked(&world, &event).await, report["reports"][0]["epoch"]);

    // What was published, and what the next arming put right, is gone; the rest needs a person.
    armed_again(&world, &event).await;
    world.rows_when(&event, 20).await;
    let (code, report) = reconcile(&world, &event, &[]).await;
    let left = counts(&[("wins_unreadable", 1), ("entry_unreadable", 1)]);
    assert_eq!((code, kinds(&report)), (Some(1), left), "{report}");
}

async fn asked(world: &World, event: &EventId) -> Value {
    let sql = "SELECT rearm_asked FROM events WHERE event_id = ?";
    json!(world.query::<u64>(sql, (event.as_str(),)).await[0])
}

#[tokio::test]
async fn what_was_published_again_is_gone_in_the_next_run() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "published", 30).await;
    let before = world.rows(&event).await;
    for user in 1..=25 {
        let delete = "DELETE FROM coupons WHERE event_id = ? AND user_id = ?";
        change(&world, delete, (event.as_str(), format!("user-{user}"))).await;
    }
    let (code, report) = reconcile(&world, &event, &["--repair"]).await;
    assert_eq!((code, &kinds(&report)), (Some(1), &counts(&[("row_missing", 25)])), "{report}");
    assert_eq!((&report["published"], &report["rearms_asked"]), (&json!(25), &json!(0)));
    let (code, report) = reconcile(&world, &event, &[]).await;
    assert_eq!((code, &report["differences"]), (Some(0), &json!(0)), "{report}");
    assert_eq!(world.rows(&event).await, before);
}

#[tokio::test]
async fn counters_that_are_wrong_are_found() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let behind = sold(&world, "behind", 10).await;
    world.on_state(&behind, &["HSET", "sequence", "6"]).await;
    let (code, report) = reconcile(&world, &behind, &["--repair"]).await;
    assert_eq!((code, &kinds(&report)), (Some(1), &counts(&[("sequence_behind", 1)])), "{report}");
    assert_eq!(report["rearms_asked"], 1);

    let wrong = sold(&world, "held", 10).await;
    world.on_state(&wrong, &["HINCRBY", "held", "-3"]).await;
    let (code, report) = reconcile(&world, &wrong, &[]).await;
    assert_eq!((code, &kinds(&report)), (Some(1), &counts(&[("held_wrong", 1)])), "{report}");
    let detail = offender(&report, "held_wrong")["detail"].as_str().unwrap();
    assert!(detail.contains("counts 7 units") && detail.contains("wins are 10"), "{detail}");
}

#[tokio::test]
async fn a_dead_letter_explains_a_win_without_a_row() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "explained", 5).await;
    let letter = "INSERT INTO dead_letters (topic, part, kafka_offset, event_id, coupon_id, \
                    reason, message, created_at) \
                  SELECT 'explained', 0, UNIX_TIMESTAMP(), event_id, coupon_id, 'rejected', 'why', \
                    UTC_TIMESTAMP(3) \
                  FROM coupons WHERE event_id = ? AND user_id = 'user-2'";
    change(&world, letter, (event.as_str(),)).await;
    let delete = "DELETE FROM coupons WHERE event_id = ? AND user_id = 'user-2'";
    change(&world, delete, (event.as_str(),)).await;
    let (code, report) = reconcile(&world, &event, &["--repair"]).await;
    assert_eq!((code, &kinds(&report)), (Some(0), &counts(&[("dead_lettered", 1)])), "{report}");
    assert_eq!((&report["published"], &report["rearms_asked"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_revocation_that_redis_does_not_have_yet_is_on_its_way() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "revoked", 5).await;
    // As if the leader had not come to it: it takes up changes that are a second old.
    let wait = "INSERT INTO coupon_changes (event_id, coupon_id, revision, created_at) \
                SELECT event_id, coupon_id, 2, UTC_TIMESTAMP(3) + INTERVAL 1 DAY \
                FROM coupons WHERE event_id = ? AND user_id = 'user-2'";
    change(&world, wait, (event.as_str(),)).await;
    let revoke = "UPDATE coupons SET state = 'revoked', revision = 2 \
                  WHERE event_id = ? AND user_id = 'user-2'";
    change(&world, revoke, (event.as_str(),)).await;
    let (code, report) = reconcile(&world, &event, &[]).await;
    assert_eq!((code, &report["differences"]), (Some(0), &json!(0)), "{report}");
    assert_eq!(report["reports"][0]["in_flight"], 1, "{report}");
}

#[tokio::test]
async fn what_cannot_be_compared_is_said_and_is_no_success() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let nowhere = run(&world, &["--event", new_id("nowhere").as_str()]).await;
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""), "{nowhere:?}");
    assert!(nowhere.err.contains("there is no event nowhere-"), "{nowhere:?}");

    let usage = run(&world, &["--event", "a b"]).await;
    assert_eq!(usage.code, Some(2), "{usage:?}");
}

#[tokio::test]
async fn under_load_with_an_edge_killed_nothing_on_its_way_is_found() {
    let _guard = exclusive().await;
    let _turn = turn().await;
    let world = World::open().await;
    let stack = &world.handle;
    let event = new_id("load");
    let history = stack.status().directory.join(format!("history-{event}"));
    let plan = Plan {
        through: Through::Edges,
        connections: 64,
        ..Plan::new(150_000, event.clone(), 120_000, history)
    };
    let rush = plan.prepare(stack).await.unwrap();
    let mut sources = Sources::of(stack).await.unwrap();
    let meanwhile = async {
        let mut looked_at = 0;
        for _ in 0..3 {
            stack.act("edge-1", Action::Kill).await.unwrap();
            let (code, report) = reconcile(&world, &event, &[]).await;
            assert_eq!((code, &report["differences"]), (Some(0), &json!(0)), "{report}");
            looked_at += report["reports"][0]["wins"].as_u64().unwrap();
        }
        looked_at
    };
    let driven = drive(rush, &mut sources.mysql, Display::Silent);
    let (driven, looked_at) = tokio::join!(driven, meanwhile);
    driven.unwrap();
    assert!(looked_at > 0, "no win was compared");
    stack.ready("edge-1", SOON).await.unwrap();
    let (code, report) = reconcile(&world, &event, &[]).await;
    assert_eq!((code, &report["differences"]), (Some(0), &json!(0)), "{report}");
    assert_eq!(report["reports"][0]["rows"], report["reports"][0]["wins"], "{report}");
}
