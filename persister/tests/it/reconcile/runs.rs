//! Runs: one at a time, the leader's own ones, and what their history says of them.

use std::time::Duration;

use contract::ids::CouponId;
use persister::reconcile::{Kind, Mode, Schedule, Setting, Standing, Step};
use persister::store::reconcile::KEPT_RUNS;
use rig::stack::{AdminRole, PartKind, shared, wait_until};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{RUN, change, reconcile, run, runs_of, sold, turn};
use crate::api::Api;
use crate::world::{SOON, World, page};

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

    let setting = Setting { every: Duration::from_secs(60), mode: Mode::Report };
    let (cluster, kafka) = (world.cluster.clone(), world.kafka.clone());
    let schedule = Schedule::new(world.store(), cluster, kafka, setting);
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
async fn what_stands_is_told_by_the_leader_whoever_finds_and_repairs_it() {
    let _guard = shared().await;
    let _turn = turn().await;
    let world = World::open().await;
    let event = sold(&world, "stands", 5).await;
    let (code, _) = reconcile(&world, &event, &[]).await;
    assert_eq!(code, Some(0));
    let before = stands(&world).await;
    for user in ["user-2", "user-4"] {
        let lost = "DELETE FROM coupons WHERE event_id = ? AND user_id = ?";
        change(&world, lost, (event.as_str(), user)).await;
    }
    assert_eq!(reconcile(&world, &event, &[]).await.0, Some(1));
    assert_eq!(stands(&world).await, before + 2);
    let (_, report) = reconcile(&world, &event, &["--repair"]).await;
    assert_eq!((&report["differences"], &report["published"]), (&json!(2), &json!(2)));
    assert_eq!(stands(&world).await, before, "no other run is waited for");
    world.rows_when(&event, 5).await;
    assert_eq!(reconcile(&world, &event, &[]).await.0, Some(0));
    assert_eq!(stands(&world).await, before);
}

/// The differences that stand by all runs, other tests' as well, once the leader says the same.
async fn stands(world: &World) -> u64 {
    let mut session = world.store().connect().await.unwrap();
    let standing = Standing::default().look(&mut session).await.unwrap();
    let leader = world.leader().await;
    let status = world.handle.status();
    let part = status.of_kind(PartKind::Persister).find(|part| part.name == leader).unwrap();
    let address = part.metrics.unwrap().to_string();
    let line = format!("firstcome_persister_reconcile_differences {standing}");
    let look = || async {
        let page = page(&address, "/metrics").await.ok_or("no answer")?;
        if page.lines().any(|said| said == line) { Ok(()) } else { Err("another number") }
    };
    wait_until(SOON, &line, look).await.unwrap();
    standing
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
    let store = world.store();
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
