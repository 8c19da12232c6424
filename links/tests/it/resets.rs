//! Connections that are reset under load: no call is executed twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::ids::EventId;
use contract::keys::EventKeys;
use links::redis::{Cluster, RedisError, Reply, Script, Slot};
use rig::stack::{exclusive, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::stack::{HEALED, ONE_REPLICA, Redis, SOON, event, unseen_script};

const INCR: &str = "return redis.call('INCR', KEYS[1])";
const CALLERS: usize = 32;
const RESETS: usize = 5;

/// What became of some calls.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    done: i64,
    unknown: i64,
}

#[tokio::test]
async fn a_reset_makes_calls_unknown_and_executes_none_twice() {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("reset");
    let master = redis.master_of(Slot::of(&event)).await.address.to_string();

    let mut callers = JoinSet::new();
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..CALLERS {
        callers.spawn(increment(redis.cluster.clone(), event.clone(), stop.clone()));
    }
    for _ in 0..RESETS {
        let before = counter(&redis, &event).await;
        reset_connections(&master).await;
        // Calls go through again before the next reset.
        let moved = || async {
            let now = counter(&redis, &event).await;
            if now > before + 100 { Ok(()) } else { Err(format!("{before} to {now}")) }
        };
        wait_until(SOON, "calls after a reset", moved).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let tallies = timeout(SOON, callers.join_all()).await.unwrap();
    let done: i64 = tallies.iter().map(|tally| tally.done).sum();
    let unknown: i64 = tallies.iter().map(|tally| tally.unknown).sum();
    let executed = counter(&redis, &event).await;
    assert!(
        (done..=done + unknown).contains(&executed),
        "{executed} executed, {done} done, {unknown} unknown"
    );
    assert!(unknown > 0, "no reset met a call");
    redis.handle.all_ready(HEALED).await.unwrap();
}

#[tokio::test]
async fn a_reset_script_connection_is_closed_for_good() {
    let _guard = exclusive().await;
    let redis = Redis::connect().await;
    let event = event("reset");
    let key = EventKeys::new(&event).state;
    let script = unseen_script(INCR);
    let mut connection = redis.connection(&event).await;
    assert!(connection.call(&script, &[&key], &[], ONE_REPLICA).await.is_ok());
    reset_connections(&redis.master_of(Slot::of(&event)).await.address.to_string()).await;
    let answer = connection.call(&script, &[&key], &[], ONE_REPLICA).await;
    assert!(matches!(answer, Err(RedisError::Unknown(_))), "{answer:?}");
    assert!(!connection.is_open());
}

async fn increment(cluster: Cluster, event: EventId, stop: Arc<AtomicBool>) -> Tally {
    let script = Script::new(INCR);
    let key = EventKeys::new(&event).state;
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        match cluster.run_script(Slot::of(&event), &script, &[&key], &[]).await {
            Ok(_) => tally.done += 1,
            Err(RedisError::Unknown(_)) => tally.unknown += 1,
            Err(RedisError::NotExecuted(_)) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    tally
}

async fn counter(redis: &Redis, event: &EventId) -> i64 {
    let key = EventKeys::new(event).state;
    let get = Script::new("return redis.call('GET', KEYS[1])");
    let read = || async {
        match redis.cluster.run_script(Slot::of(event), &get, &[&key], &[]).await {
            Ok(Reply::Nil) => Ok(0),
            Ok(reply) => reply.integer().ok_or_else(|| format!("{reply:?}")),
            Err(error) => Err(error.to_string()),
        }
    };
    wait_until(SOON, "a read", read).await.unwrap()
}

/// Closes all clients' connections to a node but this one.
async fn reset_connections(address: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"CLIENT KILL TYPE normal SKIPME yes\r\n").await.unwrap();
    let mut answer = [0; 64];
    let read = timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..read].starts_with(b":"), "{:?}", String::from_utf8_lossy(&answer[..read]));
}
