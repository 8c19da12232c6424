//! Events: one a test, or several, whose ids no other test has.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;

use contract::directory::{Entry, Listing, encode};
use contract::event::{Confirm, Phase};
use contract::ids::EventId;
use contract::keys::EventKeys;
use contract::topics::DIRECTORY;
use links::kafka::NewRecord;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rig::stack::{Handle, shared, wait_until};
use tokio::runtime::Builder;

use crate::client::status;
use crate::stack::{SOON, Stack};

/// Operators' version of an event that was armed by hand, in MySQL.
const ROW_VERSION: u64 = 1;
/// Above every epoch that a test gives such an event.
const ROW_EPOCH: u64 = 9;

/// How an event stands from the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) stock: u64,
    pub(crate) limit: u32,
    pub(crate) confirm: Confirm,
    pub(crate) phase: Phase,
    pub(crate) opens_at_ms: u64,
}

impl Terms {
    /// Open, so many units, one a user, told once a replica holds it.
    pub(crate) fn stock(stock: u64) -> Self {
        Self { stock, limit: 1, confirm: Confirm::Replica, phase: Phase::Open, opens_at_ms: 0 }
    }
}

/// An id that no other test has, which begins with `name`.
pub(crate) fn new_id(name: &str) -> EventId {
    format!("{name}-{}", uuid::Uuid::now_v7().simple()).parse().unwrap()
}

/// An id whose slot has another master than `other`'s.
pub(crate) async fn new_id_elsewhere(stack: &Stack, name: &str, other: &EventId) -> EventId {
    let taken = stack.master_of(other).await;
    loop {
        let event = new_id(name);
        if stack.master_of(&event).await.node_id != taken.node_id {
            return event;
        }
    }
}

/// An open event, made as operators make it, that both edges know.
pub(crate) async fn created(stack: &Stack, event: &EventId, terms: Terms) {
    let (stock, limit) = (terms.stock.to_string(), terms.limit.to_string());
    let confirm = terms.confirm.as_str();
    let create = ["event", "create", event.as_str(), "--stock", &stock, "--limit", &limit];
    let create = [&create[..], &["--confirm", confirm, "--open", "--wait-s", "60"]].concat();
    let output = stack.handle.persister(&create).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    known_by(&stack.edges, event).await;
}

/// An event that was armed by hand, put away at the end of its test, even of one that fails: the
/// leader would call it halted for as long as the stack lives.
#[must_use = "the event is put away when this is dropped"]
pub(crate) struct ByHand {
    handle: Handle,
    event: EventId,
}

/// Arms an event as a leader would; both edges know it. The directory is a version ahead of MySQL,
/// which halts the leader's work for it: it stays as a test leaves it, and its wins become rows.
pub(crate) async fn by_hand(stack: &Stack, event: &EventId, terms: Terms) -> ByHand {
    let by_hand = ByHand { handle: stack.handle.clone(), event: event.clone() };
    // Before the row, which a leader would begin to carry.
    list(stack, &listing(event, terms)).await;
    add_row(stack, event, terms).await;
    arm_shard(stack, event, terms).await;
    known_by(&stack.edges, event).await;
    by_hand
}

impl Drop for ByHand {
    fn drop(&mut self) {
        let url = self.handle.mysql_url().unwrap();
        let event = self.event.clone();
        // The test's own runtime cannot be waited on from here.
        let put_away = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(put_away(&url, &event));
        });
        // A test that fails already must not abort the others.
        if put_away.join().is_err() && !thread::panicking() {
            panic!("{} is left as it was", self.event);
        }
    }
}

/// Notes it as archived, above all that the directory was told: the leader takes it out of the
/// directory, deletes its keys and lets go of it; records of it that are under way become rows.
async fn put_away(mysql_url: &str, event: &EventId) {
    let mut mysql = Conn::from_url(mysql_url).await.unwrap();
    let epoch = ROW_EPOCH + 1;
    let step = "INSERT INTO event_epochs (event_id, epoch, step, armer, started_at, opened_at) \
                VALUES (?, ?, 'archived', 'test', NOW(3), NOW(3))";
    mysql.exec_drop(step, (event.as_str(), epoch)).await.unwrap();
    let row = "UPDATE events SET phase = 'archived', epoch = ?, version = ? WHERE event_id = ?";
    mysql.exec_drop(row, (epoch, epoch, event.as_str())).await.unwrap();
    mysql.disconnect().await.unwrap();
}

/// Waits until these edges know an event.
pub(crate) async fn known_by(edges: &[SocketAddr], event: &EventId) {
    for edge in edges {
        let known = || async {
            let answer = status(*edge, event).await;
            if answer.status == 404 { Err("the edge does not know the event") } else { Ok(()) }
        };
        wait_until(SOON, "an edge that knows the event", known).await.unwrap();
    }
}

pub(crate) fn listing(event: &EventId, terms: Terms) -> Listing {
    Listing {
        event_id: event.clone(),
        epoch: 1,
        version: ROW_VERSION + 1,
        phase: terms.phase,
        opens_at_ms: terms.opens_at_ms,
        closes_at_ms: 0,
        stock: terms.stock,
        per_user_limit: terms.limit,
        confirm: terms.confirm,
    }
}

/// Writes a listing into the directory.
pub(crate) async fn list(stack: &Stack, listing: &Listing) {
    let (key, value) = encode(&Entry::Event(Box::new(listing.clone())));
    let record = NewRecord { key, value, headers: BTreeMap::new() };
    let directory = stack.kafka.partition(DIRECTORY, 0);
    // A broker that was away a moment ago may not lead yet what it is asked for.
    // Boxed: futures so deep within each other are beyond the compiler.
    let produce = || Box::pin(directory.produce(vec![record.clone()]));
    wait_until(SOON, "a word in the directory", produce).await.unwrap();
}

async fn add_row(stack: &Stack, event: &EventId, terms: Terms) {
    let sql = "INSERT INTO events (event_id, stock, per_user_limit, phase, confirm, epoch, version, \
                 created_at, updated_at) VALUES (?, ?, ?, 'open', ?, ?, ?, NOW(3), NOW(3))";
    let confirm = terms.confirm.as_str();
    let row = (event.as_str(), terms.stock, terms.limit, confirm, ROW_EPOCH, ROW_VERSION);
    let mut mysql = Conn::from_url(stack.handle.mysql_url().unwrap()).await.unwrap();
    mysql.exec_drop(sql, row).await.unwrap();
}

async fn arm_shard(stack: &Stack, event: &EventId, terms: Terms) {
    let script = "local info = redis.call('INFO', 'replication') \
         local replid = string.match(info, 'master_replid:(%x+)') \
         return redis.call('HSET', KEYS[1], 'epoch', 1, 'version', 2, 'identity', replid, \
           'run_id', '', 'config_epoch', 0, 'armer', '', 'held', 0, 'sequence', 0, 'closes', 0, \
           'stock', ARGV[1], 'limit', ARGV[2], 'phase', ARGV[3], 'opens', ARGV[4])";
    let state = EventKeys::new(event).state;
    let (stock, limit) = (terms.stock.to_string(), terms.limit.to_string());
    let opens = terms.opens_at_ms.to_string();
    stack.script(event, script, &[&state], &[&stock, &limit, terms.phase.as_str(), &opens]).await;
}

/// Writes fields of an event's state, as only a test may.
pub(crate) async fn set_state(stack: &Stack, event: &EventId, fields: &[&str]) {
    let state = EventKeys::new(event).state;
    stack.command(event, &state, &[&["HSET"], fields].concat()).await;
}

#[tokio::test]
async fn an_event_that_a_test_armed_is_put_away_when_the_test_ends() {
    let _guard = shared().await;
    let stack = Stack::connect().await;
    let event = new_id("by-hand");
    drop(by_hand(&stack, &event, Terms::stock(5)).await);
    let gone = || async {
        let listed = status(stack.edges[0], &event).await.status != 404;
        let state = EventKeys::new(&event).state;
        let kept = stack.command(&event, &state, &["EXISTS"]).await.integer() != Some(0);
        if listed || kept { Err(format!("listed: {listed}, kept: {kept}")) } else { Ok(()) }
    };
    wait_until(SOON, "the event to be put away", gone).await.unwrap();
}
