//! One core's connections to the masters: a bounded few to each, so that one that hangs holds up
//! nobody else's.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use links::access::Access;
use links::redis::{Cluster, RedisError, Slot};
use links::script_connection::{Held, ScriptConnection, WaitFor};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::wait::Replicas;

/// Calls of claims that one core has under way at one master.
const MAX_CLAIM_CALLS: usize = 16;
/// The same for lists of somebody's coupons; fewer, so that claims come first.
const MAX_LOOK_CALLS: usize = 4;
/// To get one of these places.
const PLACE_TIMEOUT: Duration = Duration::from_millis(500);

/// The masters that one core talks to.
pub(super) struct Shards {
    cluster: Cluster,
    shards: RefCell<HashMap<SocketAddr, Rc<Shard>>>,
}

/// One master, as one core sees it.
pub(super) struct Shard {
    address: SocketAddr,
    access: Arc<Access>,
    idle: RefCell<Vec<ScriptConnection>>,
    claim_calls: Semaphore,
    look_calls: Semaphore,
    replicas: Cell<Replicas>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Claims of an event.
    Claim,
    /// The list of somebody's coupons.
    Look,
}

/// A connection and a place to call from; closed unless it is given back.
pub(super) struct Lease<'a> {
    shard: &'a Shard,
    pub(super) connection: ScriptConnection,
    _place: SemaphorePermit<'a>,
}

impl Shards {
    pub(super) fn new(cluster: Cluster) -> Self {
        Self { cluster, shards: RefCell::default() }
    }

    /// The owner of a slot; none while there is none.
    pub(super) fn owner_of(&self, slot: Slot) -> Option<Rc<Shard>> {
        let address = self.cluster.master_of(slot)?.address;
        if let Some(shard) = self.shards.borrow().get(&address) {
            return Some(Rc::clone(shard));
        }
        let shard = Rc::new(Shard::new(address, self.cluster.access()));
        let mut shards = self.shards.borrow_mut();
        // Whoever is no master any more keeps no connections.
        let topology = self.cluster.topology();
        let is_master = |address: &SocketAddr| {
            topology.masters().iter().any(|master| master.address == *address)
        };
        shards.retain(|address, _| is_master(address));
        shards.insert(address, Rc::clone(&shard));
        Some(shard)
    }

    /// Replicas that must hold what is told.
    pub(super) fn replicas(&self) -> u32 {
        self.cluster.replicas()
    }

    /// A call went wrong in a way that may mean another owner.
    pub(super) fn refresh_soon(&self) {
        self.cluster.refresh_soon();
    }
}

impl Shard {
    fn new(address: SocketAddr, access: Arc<Access>) -> Self {
        Self {
            address,
            access,
            idle: RefCell::default(),
            claim_calls: Semaphore::new(MAX_CLAIM_CALLS),
            look_calls: Semaphore::new(MAX_LOOK_CALLS),
            replicas: Cell::default(),
        }
    }

    /// A connection, within a second.
    pub(super) async fn connection(&self, purpose: Purpose) -> Result<Lease<'_>, RedisError> {
        let places = match purpose {
            Purpose::Claim => &self.claim_calls,
            Purpose::Look => &self.look_calls,
        };
        let no_place = || RedisError::NotExecuted(format!("{}: all calls taken", self.address));
        let place = match timeout(PLACE_TIMEOUT, places.acquire()).await {
            Ok(Ok(place)) => place,
            _ => return Err(no_place()),
        };
        let idle = self.idle.borrow_mut().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => ScriptConnection::connect(self.address, &self.access).await?,
        };
        Ok(Lease { shard: self, connection, _place: place })
    }

    /// Whether and how long a call waits for so many replicas.
    pub(super) fn wait_for(&self, replicas: u32) -> WaitFor {
        self.replicas.get().wait_for(replicas, Instant::now())
    }

    /// What came of waiting.
    pub(super) fn waited(&self, waited: WaitFor, held: Held) {
        self.replicas.set(self.replicas.get().after(waited, held, Instant::now()));
    }
}

impl Lease<'_> {
    /// Keeps the connection for the next call. If it was lost, the idle ones probably are, too.
    pub(super) fn give_back(self) {
        let mut idle = self.shard.idle.borrow_mut();
        if self.connection.is_open() {
            idle.push(self.connection);
        } else {
            idle.clear();
        }
    }
}
