//! One leads, the others stand by; whoever dies, every record is a row exactly once.

use std::process::Stdio;
use std::time::Duration;

use contract::ids::EventId;
use contract::record::Issued;
use persister::store::{DatabaseUrl, Store};
use rig::stack::{Action, Away, PartKind, exclusive, shared, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::world::{Row, SOON, World, row_of, win};

/// A part that was killed is ready again.
const HEALED: Duration = Duration::from_secs(60);

fn wins(event: &EventId, from: u64, to: u64) -> Vec<Issued> {
    (from..=to).map(|sequence| win(event, sequence)).collect()
}

/// All rows, each once, in the order of their numbers, and no dead letter.
async fn all_landed(world: &World, event: &EventId, wins: &[Issued]) {
    let expected: Vec<Row> = wins.iter().map(row_of).collect();
    let rows = world.rows_when(event, wins.len()).await;
    assert!(rows == expected, "{} rows, not as produced", rows.len());
    assert!(world.dead_letters(event).await.is_empty());
}

/// Waits until another than `old` leads.
async fn next_leader(world: &World, old: &str) -> String {
    let look = || async {
        let leader = world.leader().await;
        if leader == old { Err(format!("{old} leads still")) } else { Ok(leader) }
    };
    wait_until(SOON, "another leader", look).await.unwrap()
}

#[tokio::test]
async fn exactly_one_leads_and_all_are_well() {
    let _guard = shared().await;
    let world = World::open().await;
    world.leader().await;
    // A broker that another test stopped may still be catching up.
    let look = || async {
        let health = world.health().await;
        let well = |(_, said): &(String, Option<Value>)| {
            let said = said.as_ref().filter(|said| said["status"] == "ok");
            let all = said.and_then(|said| said["dependencies"].as_array());
            all.is_some_and(|all| all.len() == 3 && all.iter().all(|one| one["state"] == "ok"))
        };
        let all = health.len() >= 2 && health.iter().all(well);
        if all { Ok(()) } else { Err(format!("{health:?}")) }
    };
    wait_until(SOON, "persisters that are well", look).await.unwrap();
    let owners: Vec<String> = world.query("SELECT DISTINCT owner FROM partitions", ()).await;
    assert_eq!(owners.len(), 1, "{owners:?}");
}

#[tokio::test]
async fn a_leader_that_is_told_to_end_hands_over_at_once() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("handover", 1_000).await;
    let wins = wins(&event, 1, 1_000);
    let old = world.leader().await;
    world.produce_wins(&wins[..500]).await;
    let away = Away::take(&world.handle, &old, Action::Stop).await.unwrap();
    next_leader(&world, &old).await;
    world.produce_wins(&wins[500..]).await;
    all_landed(&world, &event, &wins).await;
    away.back(HEALED).await.unwrap();
}

#[tokio::test]
async fn a_process_that_is_told_to_end_exits_with_0() {
    let _guard = shared().await;
    let world = World::open().await;
    let mut command = world.handle.persister_command(&["run"]).unwrap();
    command.env("FIRSTCOME_NAME", "one-more").env("FIRSTCOME_METRICS_LISTEN", "127.0.0.1:0");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let stands_by = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains("stands by") {
                return;
            }
        }
        panic!("it ended by itself");
    };
    timeout(SOON, stands_by).await.unwrap();
    let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = timeout(SOON, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_leader_that_dies_is_replaced() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("dies", 1_000).await;
    let wins = wins(&event, 1, 1_000);
    let old = world.leader().await;
    world.produce_wins(&wins[..500]).await;
    let away = Away::take(&world.handle, &old, Action::KillStayDown).await.unwrap();
    world.produce_wins(&wins[500..]).await;
    next_leader(&world, &old).await;
    all_landed(&world, &event, &wins).await;
    away.back(HEALED).await.unwrap();
}

#[tokio::test]
async fn a_leader_that_was_paused_finds_itself_out() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("paused", 2_000).await;
    let wins = wins(&event, 1, 2_000);
    let old = world.leader().await;
    let pid = world.handle.part(&old).unwrap().pid;
    world.produce_wins(&wins[..1_000]).await;
    let away = Away::take(&world.handle, &old, Action::Pause).await.unwrap();
    world.produce_wins(&wins[1_000..1_500]).await;
    let new = next_leader(&world, &old).await;
    away.back(HEALED).await.unwrap();
    world.produce_wins(&wins[1_500..]).await;
    all_landed(&world, &event, &wins).await;
    assert_eq!(world.leader().await, new, "the one that resumed stands by");
    world.handle.ready(&old, HEALED).await.unwrap();
    assert_eq!(world.handle.part(&old).unwrap().pid, pid, "it did not end");
}

/// Of them one meets a partition that stands still.
const TRIES: u32 = 50;

/// Whoever lost a partition without noticing, or reads it again, must not move it on.
#[tokio::test]
async fn a_partition_moves_on_only_for_its_owner_and_from_where_it_stands() {
    let _guard = shared().await;
    let world = World::open().await;
    world.leader().await;
    let url = DatabaseUrl::parse(&world.handle.mysql_url().unwrap()).unwrap();
    let mut session = Store::new(&url).connect().await.unwrap();
    let stands = session.position(0).await.unwrap();
    let (at, owner) = (stands.next_offset, stands.owner.as_str());
    for (from, who) in [(at, "somebody else"), (at - 1, owner), (at + 1_000_000_000, owner)] {
        session.begin().await.unwrap();
        assert!(!session.advance(0, from, from, who).await.unwrap(), "{from} of {at} for {who:?}");
        session.roll_back().await.unwrap();
    }
    // The leader may read on in between.
    let mut moved = false;
    for _ in 0..TRIES {
        let stands = session.position(0).await.unwrap();
        session.begin().await.unwrap();
        let (at, owner) = (stands.next_offset, stands.owner.as_str());
        moved |= session.advance(0, at, at, owner).await.unwrap();
        session.roll_back().await.unwrap();
    }
    assert!(moved, "its owner moves it");
}

#[tokio::test]
async fn a_leader_killed_ten_times_leaves_every_row_exactly_once() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("killed", 10_000).await;
    let wins = wins(&event, 1, 10_000);
    for part in wins.chunks(1_000) {
        let leader = world.leader().await;
        world.produce_wins(part).await;
        // In the middle: some of the part have landed, or it has just begun.
        world.handle.act(&leader, Action::Kill).await.unwrap();
    }
    all_landed(&world, &event, &wins).await;
    world.handle.all_ready(HEALED).await.unwrap();
}

#[tokio::test]
async fn one_kafka_broker_stopped_costs_nothing() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("broker", 3_000).await;
    let wins = wins(&event, 1, 3_000);
    world.produce_wins(&wins[..1_000]).await;
    let away = Away::take(&world.handle, "kafka-1", Action::Stop).await.unwrap();
    world.produce_wins(&wins[1_000..2_000]).await;
    world.rows_when(&event, 2_000).await;
    let closed = world.event(&["close", event.as_str(), "--wait-s", "60"]).await;
    assert_eq!(closed["carried"], true, "the directory is written with two brokers");
    away.back(HEALED).await.unwrap();
    world.produce_wins(&wins[2_000..]).await;
    all_landed(&world, &event, &wins).await;
}

#[tokio::test]
async fn mysql_restarted_in_between_costs_nothing() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("mysql", 3_000).await;
    let wins = wins(&event, 1, 3_000);
    world.produce_wins(&wins[..1_000]).await;
    let away = Away::take(&world.handle, "mysql-1", Action::Stop).await.unwrap();
    world.produce_wins(&wins[1_000..2_000]).await;
    away.back(HEALED).await.unwrap();
    world.produce_wins(&wins[2_000..]).await;
    all_landed(&world, &event, &wins).await;
    world.handle.all_ready(HEALED).await.unwrap();
    world.leader().await;
}

#[tokio::test]
async fn a_mysql_that_hangs_longer_than_the_lease_is_waited_for() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("hangs", 2_000).await;
    let wins = wins(&event, 1, 2_000);
    world.produce_wins(&wins[..1_000]).await;
    let pids = || -> Vec<_> {
        let parts = world.handle.status().of_kind(PartKind::Persister);
        parts.map(|part| world.handle.part(&part.name).unwrap().pid).collect()
    };
    let before = pids();
    world.leader().await;
    let away = Away::take(&world.handle, "mysql-1", Action::Pause).await.unwrap();
    world.produce_wins(&wins[1_000..]).await;
    let look = || async {
        let health = world.health().await;
        let down = |(_, said): &(String, Option<Value>)| {
            said.as_ref().is_some_and(|said| said["status"] == "down" && said["role"] == "stand_by")
        };
        if health.iter().all(down) { Ok(()) } else { Err(format!("{health:?}")) }
    };
    wait_until(SOON, "nobody to lead", look).await.unwrap();
    let mysql = || async {
        let health = world.health().await;
        health.into_iter().map(|(_, said)| said.unwrap()["dependencies"][0].clone()).collect()
    };
    let (first, again): (Vec<Value>, Vec<Value>) = (mysql().await, mysql().await);
    assert!(first.iter().all(|one| one["name"] == "mysql" && one["state"] == "down"), "{first:?}");
    let since = |all: &[Value]| all.iter().map(|one| one["since"].clone()).collect::<Vec<_>>();
    assert_eq!(since(&first), since(&again), "since when it stands so, it does not move");
    away.back(HEALED).await.unwrap();
    all_landed(&world, &event, &wins).await;
    world.leader().await;
    assert_eq!(pids(), before, "none of them ended");
}
