//! The cluster as one thing: who owns a slot, and commands to the owner.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use contract::ids::EventId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::config::RedisConfig;
use super::error::RedisError;
use super::node_client::{NodeAddress, NodeClient};
use super::reply::Reply;
use super::script::Script;
use super::slot::Slot;
use super::topology::{Master, Topology, merge};
use super::watch::{Clients, Shared, Watch};
use crate::access::Access;
use crate::task::OwnedTask;

/// [`Cluster::connect`] waits this long for a first topology, then goes on without.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const FIRST_LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Why a configuration is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNode {
    /// The list is empty.
    #[error("no Redis node is named")]
    None,
    /// Not `host:port`.
    #[error("{0:?} is not host:port")]
    Address(String),
}

/// The cluster. A clone is cheap and shares everything; the watch ends with the last one.
///
/// Made and dropped inside one tokio runtime; its methods may be called from any other.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Shared,
    refresh: watch::Sender<u64>,
    replicas: u32,
    access: Arc<Access>,
    _watch: OwnedTask<()>,
}

impl Cluster {
    /// Begins to watch the cluster. Waits up to 2 s for a first topology; a cluster that is down
    /// is no error, its slots have no master until it answers.
    pub async fn connect(config: RedisConfig) -> Result<Self, BadNode> {
        let seeds = config
            .nodes
            .iter()
            .map(|text| NodeAddress::parse(text).ok_or_else(|| BadNode::Address(text.clone())))
            .collect::<Result<Vec<_>, _>>()?;
        if seeds.is_empty() {
            return Err(BadNode::None);
        }
        let (refresh, refreshed) = watch::channel(0);
        let shared = Shared {
            topology: Arc::new(ArcSwap::from_pointee(Topology::unknown())),
            clients: Arc::new(ArcSwap::from_pointee(Clients::new())),
        };
        let access = Arc::new(config.access);
        let watch = Watch::new(seeds, Arc::clone(&access), shared.clone(), refreshed);
        let cluster = Self {
            inner: Arc::new(Inner {
                shared,
                refresh,
                replicas: config.replicas,
                access,
                _watch: OwnedTask(tokio::spawn(watch.run())),
            }),
        };
        cluster.first_look().await;
        Ok(cluster)
    }

    async fn first_look(&self) {
        let deadline = Instant::now() + FIRST_LOOK;
        while self.topology().slots_without_master() > 0 && Instant::now() < deadline {
            sleep(FIRST_LOOK_INTERVAL).await;
        }
    }

    /// The slot of an event's keys.
    pub fn slot_of(event: &EventId) -> Slot {
        Slot::of(event)
    }

    /// The owner of a slot by the last look: a promotion shows in about 300 ms. Lock-free, a few
    /// nanoseconds; a claim asks.
    pub fn master_of(&self, slot: Slot) -> Option<Master> {
        self.inner.shared.topology.load().master_of(slot)
    }

    /// The whole cluster by the last look.
    pub fn topology(&self) -> Arc<Topology> {
        self.inner.shared.topology.load_full()
    }

    /// How the nodes are reached, for [`crate::script_connection::ScriptConnection`].
    pub fn access(&self) -> Arc<Access> {
        Arc::clone(&self.inner.access)
    }

    /// Replicas that must hold a win before it is told.
    pub fn replicas(&self) -> u32 {
        self.inner.replicas
    }

    /// Looks again now rather than at the next turn: after a MOVED or a timeout. Calls in between
    /// two looks count as one.
    pub fn refresh_soon(&self) {
        self.inner.refresh.send_modify(|looks| *looks = looks.wrapping_add(1));
    }

    /// The owner of a slot by views that were all asked for after this call began, within 400 ms.
    ///
    /// Before an event is armed: a leader that was stopped for a while would otherwise go by the
    /// table from before its stop, and arm a master that has been replaced since.
    pub async fn ask_master_of(&self, slot: Slot) -> Option<Master> {
        let clients = self.inner.shared.clients.load_full();
        let mut asked = JoinSet::new();
        for client in clients.values() {
            let client = Arc::clone(client);
            asked.spawn(async move { client.view().await });
        }
        let answers = asked.join_all().await;
        let views: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
        merge(&views).master_of(slot)
    }

    /// Runs a script on the owner of a slot, within 400 ms (twice that where it was not known
    /// there). For the cold paths: no WAIT, so what it wrote may be lost with the master.
    pub async fn run_script(
        &self,
        slot: Slot,
        script: &Script,
        keys: &[&str],
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        let master = self.owner(slot)?;
        self.run_script_on(&master, script, keys, args).await
    }

    /// Like [`Cluster::run_script`], on that very node.
    pub async fn run_script_on(
        &self,
        master: &Master,
        script: &Script,
        keys: &[&str],
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        let client = self.client(master.address)?;
        self.noticing(client.script(script, keys, args).await)
    }

    /// Runs a command on the owner of a slot.
    pub(super) async fn command(
        &self,
        slot: Slot,
        name: &'static str,
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        let master = self.owner(slot)?;
        self.command_on(&master, name, args).await
    }

    /// Runs a command on that very node.
    pub(super) async fn command_on(
        &self,
        master: &Master,
        name: &'static str,
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        let client = self.client(master.address)?;
        self.noticing(client.command(name, args).await)
    }

    /// Runs a command on the node at an address, whatever it is.
    pub(super) async fn command_at(
        &self,
        address: SocketAddr,
        name: &'static str,
        args: &[&str],
    ) -> Result<Reply, RedisError> {
        self.client(address)?.command(name, args).await
    }

    fn owner(&self, slot: Slot) -> Result<Master, RedisError> {
        self.master_of(slot)
            .ok_or_else(|| RedisError::NotExecuted(format!("slot {slot} has no master")))
    }

    fn client(&self, address: SocketAddr) -> Result<Arc<NodeClient>, RedisError> {
        let clients = self.inner.shared.clients.load();
        clients
            .get(&NodeAddress::from(address))
            .cloned()
            .ok_or_else(|| RedisError::NotExecuted(format!("{address} left the cluster")))
    }

    /// Looks at the topology again where an answer says that it may be old.
    fn noticing(&self, answer: Result<Reply, RedisError>) -> Result<Reply, RedisError> {
        if let Err(RedisError::NotOwner(_) | RedisError::Unknown(_)) = &answer {
            self.refresh_soon();
        }
        answer
    }
}
