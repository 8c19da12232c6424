//! The stack, as these tests use it.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use contract::ids::EventId;
use links::kafka::Kafka;
use links::redis::{Cluster, Master, RedisConfig, Reply, Script, Slot};
use rig::stack::{Action, Handle, PartKind, wait_until};
use tokio::runtime::Builder;

/// Whatever is waited for here comes within seconds, or something is broken.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// A part that was stopped is ready again: a Redis master waits 30 s at most for its replica.
pub(crate) const HEALED: Duration = Duration::from_secs(60);

pub(crate) struct Stack {
    pub(crate) handle: Handle,
    pub(crate) redis: Cluster,
    pub(crate) kafka: Kafka,
    /// Where the stack's edges serve.
    pub(crate) edges: Vec<SocketAddr>,
}

impl Stack {
    pub(crate) async fn connect() -> Self {
        let handle = Handle::from_env().unwrap();
        let nodes = addresses(&handle, PartKind::Redis);
        let redis = Cluster::connect(RedisConfig::plain(nodes)).await.unwrap();
        let kafka = Kafka::plain(addresses(&handle, PartKind::Kafka));
        let edges = handle.addresses(PartKind::Edge);
        assert_eq!(edges.len(), 2, "these tests want two edges");
        Self { handle, redis, kafka, edges }
    }

    pub(crate) async fn act(&self, part: &str, action: Action) {
        self.handle.act(part, action).await.unwrap();
    }

    pub(crate) async fn ready(&self, part: &str) {
        self.handle.ready(part, HEALED).await.unwrap();
    }

    /// The owner of an event's slot, as soon as there is one.
    pub(crate) async fn master_of(&self, event: &EventId) -> Master {
        let look = || async { self.redis.master_of(Slot::of(event)).ok_or("nobody owns it") };
        wait_until(SOON, "a master", look).await.unwrap()
    }

    /// The name of the part that is an event's master.
    pub(crate) async fn master_part(&self, event: &EventId) -> String {
        self.part_at(&self.master_of(event).await.address.to_string())
    }

    /// The name of the part that copies an event's master.
    pub(crate) async fn replica_part(&self, event: &EventId) -> String {
        let script = "return redis.call('INFO', 'replication')";
        let reply = self.script(event, script, &[], &[]).await;
        let line = reply.text().unwrap().lines().find(|line| line.starts_with("slave0:")).unwrap();
        let field = |name| line.split([':', ',']).find_map(|field| field.strip_prefix(name));
        self.part_at(&format!("{}:{}", field("ip=").unwrap(), field("port=").unwrap()))
    }

    fn part_at(&self, address: &str) -> String {
        let mut parts = self.handle.status().of_kind(PartKind::Redis);
        parts.find(|part| part.address.to_string() == address).unwrap().name.clone()
    }

    /// One command on an event's key, in the words that redis-cli would take.
    pub(crate) async fn command(&self, event: &EventId, key: &str, words: &[&str]) -> Reply {
        let script = "return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))";
        self.script(event, script, &[key], words).await
    }

    /// A script on an event's master.
    pub(crate) async fn script(
        &self,
        event: &EventId,
        source: &'static str,
        keys: &[&str],
        args: &[&str],
    ) -> Reply {
        let script = Script::new(source);
        self.redis.run_script(Slot::of(event), &script, keys, args).await.unwrap()
    }
}

/// Parts that are stopped until they are resumed, even where a test fails in between.
pub(crate) struct Paused<'a> {
    stack: &'a Stack,
    parts: Vec<String>,
}

impl Stack {
    pub(crate) async fn pause(&self, parts: &[&str]) -> Paused<'_> {
        let mut paused = Paused { stack: self, parts: Vec::new() };
        for part in parts {
            self.act(part, Action::Pause).await;
            paused.parts.push((*part).to_owned());
        }
        paused
    }
}

impl Paused<'_> {
    /// Lets them go on, and waits until they are ready.
    pub(crate) async fn resume(mut self) {
        let parts = std::mem::take(&mut self.parts);
        for part in &parts {
            self.stack.act(part, Action::Resume).await;
        }
        for part in &parts {
            self.stack.ready(part).await;
        }
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        let (handle, parts) = (self.stack.handle.clone(), std::mem::take(&mut self.parts));
        if parts.is_empty() {
            return;
        }
        // The test's own runtime is busy failing.
        let resume = move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            for part in &parts {
                runtime.block_on(handle.act(part, Action::Resume)).unwrap();
            }
        };
        if thread::spawn(resume).join().is_err() {
            eprintln!("parts stay paused");
        }
    }
}

pub(crate) fn addresses(handle: &Handle, kind: PartKind) -> Vec<String> {
    handle.addresses(kind).iter().map(ToString::to_string).collect()
}
