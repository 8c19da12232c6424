//! Redis and MySQL side by side: every kind of difference is planted, found, and repaired in the two
//! ways that there are; what is merely on its way is never found.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::ids::{CouponId, EventId};
use contract::keys::EventKeys;
use links::redis::{Cluster, Script};
use mysql_async::Params;
use mysql_async::prelude::Queryable;
use persister::reconcile::{Kind, Mode, Schedule, Setting, Step};
use persister::store::reconcile::KEPT_RUNS;
use persister::store::{DatabaseUrl, Store};
use rig::check::Sources;
use rig::rush::{Display, Plan, Through, drive};
use rig::stack::{Action, AdminRole, exclusive, shared, wait_until};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::admin::Api;
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
async fn a_second_run_beside_the_first_is_refused() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "alone", 5).await;
    let words = ["reconcile", "--event", event.as_str()];
    let mut command = world.handle.persister_command(&words).unwrap();
    let mut first = command.spawn().unwrap();
    let look = || async {
        let sql = "SELECT IS_USED_LOCK('firstcome.reconcile')";
        let used: Vec<Option<u64>> = world.query(sql, ()).await;
        if used == [None] { Err("nobody has the lock") } else { Ok(()) }
    };
    wait_until(SOON, "the first run", look).await.unwrap();
    let second = run(&world, &["--event", event.as_str()]).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains("another reconcile is at work"), "{second:?}");
    assert!(timeout(RUN, first.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
async fn the_leaders_own_run_finds_what_is_planted_and_stands_in_the_history() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "by-itself", 5).await;
    let lost = "DELETE FROM coupons WHERE event_id = ? AND user_id = 'user-2'";
    change(&world, lost, (event.as_str(),)).await;

    let url = DatabaseUrl::parse(&world.handle.mysql_url().unwrap()).unwrap();
    let setting = Setting { every: Duration::from_secs(60), mode: Mode::Report };
    let (cluster, kafka) = (world.cluster.clone(), world.kafka.clone());
    let schedule = Schedule::new(Store::new(&url), cluster, kafka, setting);
    // Other tests may keep a shard busy: then it waits.
    let look = || async {
        match Box::pin(schedule.step()).await {
            Step::Ran(report) => Ok(report),
            other => Err(format!("{other:?}")),
        }
    };
    let report = wait_until(RUN, "a run by itself", look).await.unwrap();
    let of = report.reports.iter().find(|of| of.event_id == event.as_str()).unwrap();
    assert_eq!(of.differences.len(), 1, "{of:?}");
    assert_eq!((of.differences[0].kind, of.differences[0].count), (Kind::RowMissing, 1));
    assert_eq!((of.published, of.rearm_asked), (0, false), "it only reports");

    let runs = world.run(&["reconcile", "history", "--json"]).await.json();
    let id = report.run_id.to_string();
    let run = runs.as_array().unwrap().iter().find(|run| run["run_id"] == id.as_str()).unwrap();
    let found = json!([run["started_by"], run["mode"], run["event_id"], run["events"]]);
    assert_eq!(found, json!(["schedule", "report", null, report.figures.events]));
    assert_eq!(run["differences"], report.figures.differences);
    assert!(run["wins"].as_u64().unwrap() >= 5 && run["ended_at"].is_string(), "{run}");
    let said = Api::of(&world, AdminRole::Viewer).get("/reconciliations?limit=1000").await;
    assert_eq!((said.status, said.json()), (200, runs_of(&world, "1000").await));
    let shown = world.run(&["reconcile", "history", "--run", &id, "--json"]).await.json();
    let reports = shown["reports"].as_array().unwrap();
    assert!(reports.iter().any(|of| of["event_id"] == event.as_str()), "{shown}");
    let viewer = Api::of(&world, AdminRole::Viewer);
    let said = viewer.get(&format!("/reconciliations/{id}")).await;
    assert_eq!((said.status, said.json()), (200, shown));
    let none = uuid::Uuid::now_v7();
    assert_eq!(viewer.get(&format!("/reconciliations/{none}")).await.code(), "unknown_run");
    let people = world.run(&["reconcile", "history", "--run", &id]).await;
    let line = format!("{event}: 1 differences");
    assert!(people.out.contains(&line) && people.out.contains("1 row_missing:"), "{people:?}");
}

#[tokio::test]
async fn the_kinds_of_difference_and_their_repair_can_be_asked_for() {
    let _guard = shared().await;
    let world = World::open().await;
    let kinds = world.run(&["reconcile", "kinds", "--json"]).await.json();
    let missing = &kinds[0];
    assert_eq!(json!([missing["kind"], missing["repair"]]), json!(["row_missing", "publish"]));
    let said = Api::of(&world, AdminRole::Viewer).get("/reconciliations/kinds").await;
    assert_eq!((said.status, said.json()), (200, kinds));
    let people = world.run(&["reconcile", "kinds"]).await;
    assert!(people.out.contains("row_missing") && people.out.contains("rearm"), "{people:?}");
}

#[tokio::test]
async fn a_run_that_was_cut_short_does_not_count_as_the_last() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let url = DatabaseUrl::parse(&world.handle.mysql_url().unwrap()).unwrap();
    let store = Store::new(&url);
    let last = || async { store.connect().await?.last_scheduled_run().await };
    let look = || async {
        let ago = last().await.unwrap();
        ago.filter(|ago| !ago.is_zero()).ok_or_else(|| format!("{ago:?}"))
    };
    let before = wait_until(SOON, "a last run, or a first schema", look).await.unwrap();
    let id = CouponId::new().to_hex();
    let plant = format!(
        "INSERT INTO reconciliations (run_id, mode, started_by, started_at) \
         VALUES (UNHEX('{id}'), 'report', 'schedule', UTC_TIMESTAMP(3) + INTERVAL 1 DAY)"
    );
    change(&world, &plant, ()).await;
    let after = last().await.unwrap();
    change(&world, &format!("DELETE FROM reconciliations WHERE run_id = UNHEX('{id}')"), ()).await;
    assert!(after >= Some(before), "{after:?} {before:?}");
}

#[tokio::test]
async fn who_repairs_says_why_and_is_audited() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "repaired-by", 3).await;
    let lost = "DELETE FROM coupons WHERE event_id = ? AND user_id = 'user-2'";
    change(&world, lost, (event.as_str(),)).await;
    let who = ["--repair", "--as", "ann", "--why", "ticket 7"];
    let (code, dry) = reconcile(&world, &event, &[&who[..], &["--dry-run"]].concat()).await;
    assert_eq!((code, &dry["published"]), (Some(1), &json!(0)), "{dry}");
    let (_, report) = reconcile(&world, &event, &who).await;
    assert_eq!(report["published"], 1, "{report}");
    world.rows_when(&event, 3).await;
    let lines = world.run(&["audit", "list", "--event", event.as_str(), "--json"]).await.json();
    let runs: Vec<&Value> =
        lines.as_array().unwrap().iter().filter(|line| line["action"] == "reconcile").collect();
    let [line] = runs.as_slice() else {
        panic!("{lines}");
    };
    assert_eq!(json!([line["who"], line["why"]]), json!(["ann", "ticket 7"]));
    assert_eq!(line["to"], json!({"published": 1, "rearms_asked": 0}), "{line}");
    let run = report["run_id"].as_str().unwrap();
    assert!(line["subject"].as_str().unwrap().contains(run), "{line}");
}

#[tokio::test]
async fn the_history_is_bounded() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "history", 1).await;
    let old: Vec<String> = (0..KEPT_RUNS + 5)
        .map(|n| {
            let id = CouponId::new().to_hex();
            format!("(UNHEX('{id}'), 'report', '2001-01-01' + INTERVAL {n} SECOND)")
        })
        .collect();
    let plant = "INSERT INTO reconciliations (run_id, mode, started_at) VALUES ";
    world.query::<u8>(&format!("{plant}{}", old.join(", ")), ()).await;
    assert_eq!(reconcile(&world, &event, &[]).await.0, Some(0));
    // Others may run meanwhile, and only push out more of them.
    let planted = "SELECT COUNT(*) FROM reconciliations WHERE started_at < '2002-01-01'";
    let kept: Vec<u64> = world.query(planted, ()).await;
    let forget = "DELETE FROM reconciliations WHERE started_at < '2002-01-01'";
    world.query::<u8>(forget, ()).await;
    assert!(kept[0] < u64::from(KEPT_RUNS), "{kept:?}");
    let newest = world.run(&["reconcile", "history", "--limit", "1", "--json"]).await.json();
    assert_eq!(newest[0]["event_id"], event.as_str(), "{newest}");
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
