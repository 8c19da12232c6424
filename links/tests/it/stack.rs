//! The stack, as these tests use it.

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use contract::ids::EventId;
use links::access::Access;
use links::redis::{Cluster, Master, RedisConfig, Reply, Script, Slot};
use links::script_connection::{ScriptConnection, WaitFor};
use rig::stack::{Action, Handle, PartKind, wait_until};

/// Whatever is waited for here comes within seconds, or something is broken.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// A part that was killed is ready again: a Redis master waits 30 s at most for its replica.
pub(crate) const HEALED: Duration = Duration::from_secs(60);

/// Waits for one replica, for as long as a call's 500 ms allow: these machines may be busy, and an
/// idle Redis looks for a WAIT that is over every 100 ms only (`hz 10`).
pub(crate) const ONE_REPLICA: WaitFor =
    WaitFor::Replicas { count: 1, timeout_ms: NonZeroU32::new(300).unwrap() };

#[derive(Clone)]
pub(crate) struct Redis {
    pub(crate) handle: Handle,
    pub(crate) cluster: Cluster,
}

impl Redis {
    pub(crate) async fn connect() -> Self {
        let handle = Handle::from_env().unwrap();
        let nodes = handle.addresses(PartKind::Redis).iter().map(ToString::to_string).collect();
        let cluster = Cluster::connect(RedisConfig::plain(nodes)).await.unwrap();
        Self { handle, cluster }
    }

    /// The owner of a slot, as soon as there is one.
    pub(crate) async fn master_of(&self, slot: Slot) -> Master {
        let look = || async { self.cluster.master_of(slot).ok_or("nobody owns the slot") };
        wait_until(SOON, "a master", look).await.unwrap()
    }

    /// A connection to an event's master.
    pub(crate) async fn connection(&self, event: &EventId) -> ScriptConnection {
        let master = self.master_of(Slot::of(event)).await;
        ScriptConnection::connect(master.address, &Access::default()).await.unwrap()
    }

    /// The name of the part that is a slot's master.
    pub(crate) async fn master_part(&self, slot: Slot) -> String {
        let address = self.master_of(slot).await.address;
        self.part_at(&address.to_string())
    }

    /// The name of the part that copies a slot's master.
    pub(crate) async fn replica_part(&self, slot: Slot) -> String {
        let script = Script::new("return redis.call('INFO', 'replication')");
        let reply = self.cluster.run_script(slot, &script, &[], &[]).await.unwrap();
        let line = reply.text().unwrap().lines().find(|line| line.starts_with("slave0:")).unwrap();
        let field = |name| line.split([':', ',']).find_map(|field| field.strip_prefix(name));
        self.part_at(&format!("{}:{}", field("ip=").unwrap(), field("port=").unwrap()))
    }

    fn part_at(&self, address: &str) -> String {
        let mut parts = self.handle.status().of_kind(PartKind::Redis);
        parts.find(|part| part.address.to_string() == address).unwrap().name.clone()
    }

    /// One command on an event's key, in the words that redis-cli would take; one that may be
    /// executed twice.
    pub(crate) async fn command(&self, event: &EventId, key: &str, words: &[&str]) -> Reply {
        let script = Script::new("return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))");
        let keys = [key];
        let run = || self.cluster.run_script(Slot::of(event), &script, &keys, words);
        wait_until(SOON, "a command", run).await.unwrap()
    }
}

/// Takes a part away while `body` runs, and brings it back even where `body` panics, so that one
/// test that fails does not fail the others.
pub(crate) async fn without<T: Send + 'static>(
    handle: &Handle,
    part: &str,
    (take, give_back): (Action, Action),
    body: impl Future<Output = T> + Send + 'static,
) -> T {
    handle.act(part, take).await.unwrap();
    let outcome = tokio::spawn(body).await;
    handle.act(part, give_back).await.unwrap();
    handle.all_ready(HEALED).await.unwrap();
    outcome.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

/// Killed, and started again.
pub(crate) const KILLED: (Action, Action) = (Action::KillStayDown, Action::Start);
/// Stopped by SIGSTOP, and resumed.
pub(crate) const HUNG: (Action, Action) = (Action::Pause, Action::Resume);

/// An event that no other test has, whose id begins with `name`.
pub(crate) fn event(name: &str) -> EventId {
    format!("{name}-{}", uuid::Uuid::now_v7().simple()).parse().unwrap()
}

/// An event whose slot has another master than `other`'s.
pub(crate) async fn event_elsewhere(redis: &Redis, name: &str, other: &EventId) -> EventId {
    let taken = redis.master_of(Slot::of(other)).await;
    loop {
        let event = event(name);
        if redis.master_of(Slot::of(&event)).await.node_id != taken.node_id {
            return event;
        }
    }
}

/// A script that no node has seen: the same source with a comment of its own.
pub(crate) fn unseen_script(source: &str) -> Script {
    let text = format!("{source} -- {}", uuid::Uuid::now_v7());
    // A script's source lives as long as the program; so does this one.
    Script::new(text.leak())
}
