//! Before a sale: a system that is as it should be, and each fault that is planted in one. What cannot be
//! planted here is judged by the pure tests of `src/preflight/`: clocks, placement over several hosts,
//! versions of Redis, how MySQL commits, settings of topics.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use contract::directory::{Entry, Probe, encode};
use contract::ids::EventId;
use contract::topics::DIRECTORY;
use links::kafka::NewRecord;
use links::redis::Slot;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rig::stack::{
    Action, AdminRole, Away, Limits, Listens, PartKind, TooLate, exclusive, nginx_command,
    own_address, shared, wait_until,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use crate::api::Api;
use crate::world::{SOON, World, new_id};

const CALL: Duration = Duration::from_secs(5);
/// Room that is left to a shard whose event needs more; its other events need little of it.
const LITTLE_ROOM: u64 = 64 * 1024 * 1024;
/// Between two probes of an edge that a test pretends to be.
const PROBES_APART: Duration = Duration::from_millis(200);

/// Lines of a report that name a check.
fn lines<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    let lines = report["lines"].as_array().unwrap();
    lines.iter().filter(|line| line["check"] == check).collect()
}

/// How it exits and what it says. Where it says nothing, it is to be run again.
async fn report(world: &World, event: &EventId) -> Result<(Option<i32>, Value), String> {
    let ran = world.run(&["preflight", event.as_str(), "--json"]).await;
    let report = serde_json::from_str(&ran.out).map_err(|error| format!("{error}: {ran:?}"))?;
    Ok((ran.code, report))
}

/// What is said of the limits of another NGINX than the stack's.
async fn of_limits(world: &World, event: &EventId, nginx: &str) -> Value {
    let mut command =
        world.handle.persister_command(&["preflight", event.as_str(), "--json"]).unwrap();
    let output = timeout(SOON, command.env("FIRSTCOME_NGINX", nginx).output()).await.unwrap();
    let report: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let of_limits = lines(&report, "limits in front");
    assert_eq!(of_limits.len(), 1, "{report}");
    of_limits[0].clone()
}

/// Waits until there is nothing to do before an event's sale.
async fn sound(world: &World, event: &EventId) -> Value {
    let look = || async {
        let (code, report) = report(world, event).await?;
        let to_do = |line: &&Value| line["verdict"] == "to_do";
        let wrong: Vec<&Value> = report["lines"].as_array().unwrap().iter().filter(to_do).collect();
        assert_eq!((code == Some(0), report["ok"] == true), (wrong.is_empty(), wrong.is_empty()));
        if wrong.is_empty() { Ok(report) } else { Err(format!("{wrong:?}")) }
    };
    wait_until(SOON, "nothing to do before the sale", look).await.unwrap()
}

/// Waits until each of these checks says what is to be done, in words that have these in them, all in
/// one report.
async fn found(world: &World, event: &EventId, wanted: &[(&str, &str)]) {
    looks_for(world, event, wanted).await.unwrap();
}

/// The same for a test that has to clean up if it is not so.
async fn looks_for(world: &World, event: &EventId, wanted: &[(&str, &str)]) -> Result<(), TooLate> {
    let look = || async {
        let (code, report) = report(world, event).await?;
        let is_missing = |&&(check, says): &&(&str, &str)| {
            !lines(&report, check).iter().any(|line| {
                line["verdict"] == "to_do" && line["says"].as_str().unwrap().contains(says)
            })
        };
        let missing: Vec<_> = wanted.iter().filter(is_missing).collect();
        match (code, missing.is_empty()) {
            (Some(1), true) => Ok(()),
            _ => Err(format!("{missing:?} in {report}")),
        }
    };
    wait_until(SOON, &format!("{wanted:?}"), look).await
}

/// A command on one node, in the words that redis-cli would take; returns the answer's beginning.
async fn redis(node: SocketAddr, words: &str) -> String {
    let talk = async {
        let mut stream = TcpStream::connect(node).await.unwrap();
        stream.write_all(format!("{words}\r\n").as_bytes()).await.unwrap();
        let mut answer = [0; 16 * 1024];
        let read = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    timeout(CALL, talk).await.unwrap()
}

/// A setting that is another one until it is put back, even where a test fails in between.
struct Planted {
    node: SocketAddr,
    back: String,
}

impl Planted {
    async fn set(node: SocketAddr, name: &str, value: &str, back: &str) -> Self {
        let planted = Self { node, back: format!("CONFIG SET {name} {back}") };
        assert_eq!(redis(node, &format!("CONFIG SET {name} {value}")).await, "+OK\r\n");
        planted
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        // Not async: a test that fails has no time left.
        let put_back = || -> std::io::Result<[u8; 5]> {
            let mut stream = std::net::TcpStream::connect(self.node)?;
            stream.set_read_timeout(Some(CALL))?;
            stream.write_all(format!("{}\r\n", self.back).as_bytes())?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            Ok(answer)
        };
        if !put_back().is_ok_and(|answer| &answer == b"+OK\r\n") {
            eprintln!("{} stays set", self.node);
        }
    }
}

/// A migration that MySQL does not know of until it is put back, even where a test fails in between.
struct TakenOut {
    mysql: String,
    version: u32,
    name: String,
}

impl TakenOut {
    async fn newest(world: &World) -> Self {
        let newest = "SELECT version, name FROM schema_migrations ORDER BY version DESC LIMIT 1";
        let (version, name) = world.query::<(u32, String)>(newest, ()).await.remove(0);
        let taken = Self { mysql: world.handle.mysql_url().unwrap(), version, name };
        world.query::<u8>("DELETE FROM schema_migrations WHERE version = ?", (version,)).await;
        taken
    }

    /// Every program refuses a schema that lacks one.
    async fn put_back(&self) {
        let back = "INSERT IGNORE INTO schema_migrations (version, name, applied_at) VALUES (?, ?, NOW(3))";
        let put = async {
            let mut mysql = Conn::from_url(&self.mysql).await?;
            mysql.exec_drop(back, (self.version, &self.name)).await
        };
        timeout(CALL, put).await.unwrap().unwrap();
    }
}

impl Drop for TakenOut {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        // The test's own runtime is busy failing.
        let put_back = || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(self.put_back());
        };
        if thread::scope(|scope| scope.spawn(put_back).join()).is_err() {
            eprintln!("{} stays taken out", self.name);
        }
    }
}

pub(crate) fn part_at(world: &World, address: SocketAddr) -> String {
    let mut parts = world.handle.status().of_kind(PartKind::Redis);
    parts.find(|part| part.address == address).unwrap().name.clone()
}

#[tokio::test]
async fn a_sound_system_is_ok_line_by_line_for_the_command_and_the_api() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("preflight", 500).await;
    let report = sound(&world, &event).await;
    for (check, count) in [
        ("mysql schema", 1),
        ("mysql commits", 1),
        ("leader", 1),
        ("redis replicas", 1),
        ("redis settings", 2),
        ("redis version", 2),
        ("event", 1),
        ("event carried", 1),
        ("event armed", 1),
        ("memory", 2),
        ("kafka topic", 3),
        ("kafka broker", 3),
    ] {
        let lines = lines(&report, check);
        assert_eq!(lines.len(), count, "{check}: {report}");
        assert!(lines.iter().all(|line| line["verdict"] == "ok"), "{check}: {lines:?}");
    }
    let stack_edges = world.handle.status().of_kind(PartKind::Edge).count();
    assert!(lines(&report, "edges").len() >= stack_edges, "{report}");
    let clocks = lines(&report, "clock");
    assert_eq!(clocks.len(), 3 + stack_edges, "MySQL, master, replica, edges: {report}");
    assert!(clocks.iter().all(|line| line["verdict"] == "ok"), "{clocks:?}");
    let persisters = lines(&report, "persisters");
    // One that a test killed is told of for ten seconds.
    assert!(persisters.len() >= world.handle.addresses(PartKind::Persister).len(), "{report}");
    let front = lines(&report, "limits in front");
    // The stack's are for a rush from one machine.
    assert_eq!((front.len(), &front[0]["verdict"]), (1, &"warning".into()), "{report}");
    let placed = lines(&report, "placement");
    assert_eq!((placed.len(), &placed[0]["verdict"]), (1, &"warning".into()), "one host");

    let people = world.run(&["preflight", event.as_str(), "--one-host-is-fine"]).await;
    assert_eq!(people.code, Some(0), "{people:?}");
    assert!(people.out.contains("ok        placement 127.0.0.1: everything"), "{people:?}");

    let api = Api::of(&world, AdminRole::Viewer);
    let path = format!("/events/{event}/preflight?outage_minutes=1&one_host_is_fine=true");
    let answer = api.get(&path).await;
    assert_eq!((answer.status, &answer.json()["ok"]), (200, &true.into()), "{answer:?}");
    assert_eq!(lines(&answer.json(), "placement")[0]["verdict"], "ok");
    let bad = api.get(&format!("/events/{event}/preflight?outage_minutes=9999")).await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "malformed"));
}

#[tokio::test]
async fn an_event_that_is_not_there_or_would_not_sell_is_said() {
    let _guard = shared().await;
    let world = World::open().await;
    let unknown = new_id("nowhere");
    let ran = world.run(&["preflight", unknown.as_str(), "--json"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("there is no event"), "{ran:?}");
    let api = Api::of(&world, AdminRole::Viewer);
    assert_eq!(api.get(&format!("/events/{unknown}/preflight")).await.code(), "unknown_event");

    let closed = world.open_event("preflight-closed", 5).await;
    world.event(&["close", closed.as_str(), "--wait-s", "60"]).await;
    found(&world, &closed, &[("event", "it is over")]).await;
}

#[tokio::test]
async fn the_limits_that_nginx_was_started_with_are_seen() {
    let _guard = shared().await;
    let world = World::open().await;
    let event = world.open_event("preflight-limits", 5).await;
    let listens = Listens { public: own_address(), private: own_address() };
    let home = std::env::temp_dir().join(format!("firstcome-limits-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let mut command = nginx_command(&home, listens, &[], Limits::Real).unwrap();
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    let up = || async { TcpStream::connect(listens.private).await };
    wait_until(SOON, "NGINX", up).await.unwrap();
    let private = listens.private.to_string();
    let fine = of_limits(&world, &event, &private).await;
    assert_eq!(fine["verdict"], "ok", "{fine}");
    assert!(fine["says"].as_str().unwrap().contains("credential 5/s, burst 10"), "{fine}");
    // Its public port does not say them.
    let silent = of_limits(&world, &event, &listens.public.to_string()).await;
    assert_eq!(silent["verdict"], "to_do", "{silent}");
    drop(child);
    std::fs::remove_dir_all(&home).unwrap();
    let nobody = of_limits(&world, &event, "").await;
    assert_eq!(nobody["verdict"], "not_seen", "{nobody}");
}

#[tokio::test]
async fn other_formats_and_a_missing_stand_by_are_found() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("preflight-parts", 5).await;
    sound(&world, &event).await;

    let directory = world.kafka.partition(DIRECTORY, 0);
    let other = Probe { formats: "claim 99".to_owned(), ..Probe::of("edge-of-another-build", "9") };
    let (key, value) = encode(&Entry::Probe(other));
    let record = |value| NewRecord { key: key.clone(), value, headers: BTreeMap::new() };
    let writes = async {
        loop {
            Box::pin(directory.produce(vec![record(value.clone())])).await.unwrap();
            sleep(PROBES_APART).await;
        }
    };
    let plant = "INSERT INTO persisters (name, version, formats, seen_at) \
                 VALUES ('of-another-build', '9', 'claim 99', UTC_TIMESTAMP(3) + INTERVAL 1 HOUR)";
    world.query::<u8>(plant, ()).await;
    let away = Away::take(&world.handle, "nginx-1", Action::Stop).await.unwrap();
    let wanted = [
        ("edges", "it understands claim 99"),
        ("persisters", "it understands claim 99"),
        ("limits in front", "it does not say them"),
    ];
    let seen = tokio::select! {
        () = writes => Ok(()),
        seen = looks_for(&world, &event, &wanted) => seen,
    };
    let forget = "DELETE FROM persisters WHERE name = 'of-another-build'";
    world.query::<u8>(forget, ()).await;
    seen.unwrap();
    Box::pin(directory.produce(vec![record(None)])).await.unwrap();
    away.back(SOON).await.unwrap();
    sound(&world, &event).await;

    let leader = world.leader().await;
    let persisters: Vec<String> =
        world.handle.status().of_kind(PartKind::Persister).map(|part| part.name.clone()).collect();
    let others: Vec<&String> = persisters.iter().filter(|name| **name != leader).collect();
    let [stand_by] = others.as_slice() else {
        panic!("{persisters:?}");
    };
    let away = Away::take(&world.handle, stand_by, Action::Pause).await.unwrap();
    let nobody = format!("nobody stands by for {leader}");
    found(&world, &event, &[("persisters", &nobody)]).await;
    away.back(SOON).await.unwrap();
    sound(&world, &event).await;
    // One that ends takes it back at once.
    let away = Away::take(&world.handle, stand_by, Action::Stop).await.unwrap();
    let told = "SELECT name FROM persisters WHERE name = ?";
    let told: Vec<String> = world.query(told, (stand_by.as_str(),)).await;
    assert_eq!(told, [""; 0], "it ended and still says that it runs");
    away.back(SOON).await.unwrap();
    sound(&world, &event).await;
}

#[tokio::test]
async fn every_fault_that_is_planted_is_found() {
    let _guard = exclusive().await;
    let world = World::open().await;
    let event = world.open_event("preflight-faults", 1_000_000).await;
    sound(&world, &event).await;
    let master = world.cluster.master_of(Slot::of(&event)).unwrap().address;
    let info = world.cluster.info_of(master, &["replication", "memory"]).await.unwrap();
    let replica = info.followers()[0].address;

    let settings = [
        (master, "appendonly", "no", "yes"),
        (master, "maxmemory-policy", "allkeys-lru", "noeviction"),
        (replica, "appendfsync", "no", "everysec"),
        (replica, "cluster-replica-validity-factor", "10", "0"),
    ];
    let most = (info.number("used_memory").unwrap() + LITTLE_ROOM).to_string();
    let mut planted = vec![Planted::set(master, "maxmemory", &most, "0").await];
    let mut wanted = vec![("memory", "raise maxmemory".to_owned())];
    for (node, name, value, back) in settings {
        planted.push(Planted::set(node, name, value, back).await);
        wanted.push(("redis settings", format!("{name} is {value}, not {back}")));
    }
    let wanted: Vec<_> = wanted.iter().map(|(check, says)| (*check, says.as_str())).collect();
    found(&world, &event, &wanted).await;
    drop(planted);
    sound(&world, &event).await;

    // The first broker that is asked, and so one whose silence everything else waits for.
    let node = Away::take(&world.handle, &part_at(&world, replica), Action::Pause).await.unwrap();
    let broker = Away::take(&world.handle, "kafka-1", Action::Pause).await.unwrap();
    let wanted = [
        ("redis replicas", "acknowledged nothing"),
        ("kafka broker", "it does not answer"),
        ("kafka topic", "lack a replica in sync"),
    ];
    found(&world, &event, &wanted).await;
    node.back(SOON).await.unwrap();
    broker.back(SOON).await.unwrap();
    sound(&world, &event).await;

    let mut away = Vec::new();
    for broker in ["kafka-1", "kafka-2", "kafka-3"] {
        away.push(Away::take(&world.handle, broker, Action::Pause).await.unwrap());
    }
    found(&world, &event, &[("kafka topic", "no broker says how it stands")]).await;
    // Resumed all before one of them is waited for.
    drop(away);
    sound(&world, &event).await;

    let taken = TakenOut::newest(&world).await;
    found(&world, &event, &[("mysql schema", &taken.name)]).await;
    taken.put_back().await;
    sound(&world, &event).await;
}
