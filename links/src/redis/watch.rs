//! Watches the cluster: asks every node what it believes, all at once and each by itself, so that
//! a node that hangs delays no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::cluster_nodes::View;
use super::node_client::{NodeAddress, NodeClient};
use super::topology::{Topology, merge};
use crate::access::Access;

/// How often each node is asked.
const ASK_INTERVAL: Duration = Duration::from_millis(250);
/// The least time between two questions to a node, however often a look is asked for.
const ASK_SPACING: Duration = Duration::from_millis(25);
/// A node's view counts until it failed to answer this many times in a row: 1.7 s where it hangs.
/// On a busy machine a few answers are late; and the old view of a dead master is outvoted anyway.
const FAILURES_BEFORE_FORGOTTEN: u32 = 4;
/// Every so many failures (5 s) the client is rebuilt: its connection may be to blame.
const FAILURES_BEFORE_REBUILD: u32 = 12;
/// Nodes that are watched at most.
const MAX_NODES: usize = 64;
/// Reports that may wait for the watch.
const MAX_REPORTS: usize = 2 * MAX_NODES;

/// The clients of all nodes, by where they are.
pub(super) type Clients = BTreeMap<NodeAddress, Arc<NodeClient>>;

/// What the watch keeps up to date for everybody.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) topology: Arc<ArcSwap<Topology>>,
    pub(super) clients: Arc<ArcSwap<Clients>>,
}

/// What became of asking a node once.
struct Report {
    address: NodeAddress,
    /// None: the node has not answered [`FAILURES_BEFORE_FORGOTTEN`] times in a row.
    view: Option<View>,
}

pub(super) struct Watch {
    seeds: Vec<NodeAddress>,
    access: Arc<Access>,
    shared: Shared,
    /// Changes when somebody wants the nodes to be asked at once.
    refresh: watch::Receiver<u64>,
    views: BTreeMap<NodeAddress, View>,
    watched: BTreeMap<NodeAddress, AbortHandle>,
    tasks: JoinSet<()>,
    report: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
}

impl Watch {
    pub(super) fn new(
        seeds: Vec<NodeAddress>,
        access: Arc<Access>,
        shared: Shared,
        refresh: watch::Receiver<u64>,
    ) -> Self {
        let (report, reports) = mpsc::channel(MAX_REPORTS);
        Self {
            seeds,
            access,
            shared,
            refresh,
            views: BTreeMap::new(),
            watched: BTreeMap::new(),
            tasks: JoinSet::new(),
            report,
            reports,
        }
    }

    /// Watches until it is dropped.
    pub(super) async fn run(mut self) {
        self.follow_nodes();
        while let Some(report) = self.reports.recv().await {
            if self.take(report) {
                self.follow_nodes();
                self.publish();
            }
        }
    }

    /// Whether a report changed anything.
    fn take(&mut self, report: Report) -> bool {
        match report.view {
            // A late report of a node that is not watched any more.
            _ if !self.watched.contains_key(&report.address) => false,
            None => self.views.remove(&report.address).is_some(),
            Some(view) if self.views.get(&report.address) == Some(&view) => false,
            Some(view) => {
                self.views.insert(report.address, view);
                true
            }
        }
    }

    /// Begins to ask nodes that the views name, and stops asking those that no view names.
    fn follow_nodes(&mut self) {
        let wanted = wanted(&self.seeds, &self.views);
        let mut clients = Clients::clone(&self.shared.clients.load());
        for address in &wanted {
            if !self.watched.contains_key(address) && self.watched.len() < MAX_NODES {
                let client = Arc::new(NodeClient::new(address.clone(), Arc::clone(&self.access)));
                clients.insert(address.clone(), Arc::clone(&client));
                self.watch(client);
            }
        }
        // Where no node answers, nobody's absence means anything.
        if !self.views.is_empty() {
            self.watched.retain(|address, task| {
                let keep = wanted.contains(address);
                if !keep {
                    info!(%address, "Redis node left the cluster");
                    task.abort();
                    clients.remove(address);
                    self.views.remove(address);
                }
                keep
            });
        }
        self.shared.clients.store(Arc::new(clients));
        // What was aborted is done with.
        while self.tasks.try_join_next().is_some() {}
    }

    fn watch(&mut self, client: Arc<NodeClient>) {
        let address = client.address().clone();
        let task = ask_for_ever(client, self.report.clone(), self.refresh.clone());
        self.watched.insert(address, self.tasks.spawn(task));
    }

    fn publish(&self) {
        let views: Vec<View> = self.views.values().cloned().collect();
        let topology = merge(&views);
        let before = self.shared.topology.load();
        if **before != topology {
            info!(
                masters = topology.masters().len(),
                slots_without_master = topology.slots_without_master(),
                "Redis topology changed"
            );
            self.shared.topology.store(Arc::new(topology));
        }
    }
}

/// The configured nodes and all that any view names.
fn wanted(seeds: &[NodeAddress], views: &BTreeMap<NodeAddress, View>) -> BTreeSet<NodeAddress> {
    let named = views
        .values()
        .flat_map(|view| view.nodes.iter().filter_map(|line| line.address))
        .map(NodeAddress::from);
    seeds.iter().cloned().chain(named).collect()
}

/// Asks one node again and again; ends with the watch.
async fn ask_for_ever(
    client: Arc<NodeClient>,
    reports: mpsc::Sender<Report>,
    mut refresh: watch::Receiver<u64>,
) {
    let mut failures = 0_u32;
    loop {
        let asked = Instant::now();
        refresh.mark_unchanged();
        let answer = client.view().await;
        if let Err(error) = &answer {
            failures += 1;
            if failures == FAILURES_BEFORE_FORGOTTEN {
                warn!(node = %client.address(), %error, "Redis node does not answer");
            }
        } else {
            failures = 0;
        }
        if client.ended() || (failures > 0 && failures.is_multiple_of(FAILURES_BEFORE_REBUILD)) {
            client.rebuild();
        }
        if failures == 0 || failures >= FAILURES_BEFORE_FORGOTTEN {
            let report = Report { address: client.address().clone(), view: answer.ok() };
            if reports.send(report).await.is_err() {
                return;
            }
        }
        sleep(ASK_SPACING).await;
        tokio::select! {
            () = sleep_until(asked + ASK_INTERVAL) => {}
            _ = refresh.changed() => {}
        }
    }
}
