//! The views of all nodes, merged into one table: slot → master.
//!
//! A view has a vote if its node calls itself a master with slots. A slot belongs to the node that
//! more than half of all masters name as its owner, counting every master that any view knows,
//! also those that do not answer. So an old master that comes back, or one that is cut off with
//! us, changes nothing by its own word. Without such a majority, or where a majority has agreed
//! that the owner is down, the slot has no master and calls to it are not executed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::cluster_nodes::{Failing, NodeId, NodeLine, Role, View};
use super::slot::Slot;

/// Masters beyond this many are not used. Redis Cluster itself is made for at most 1,000 nodes; no
/// sale needs a tenth of that.
const MAX_MASTERS: usize = 200;

/// In the table: no master.
const NOBODY: u8 = u8::MAX;

/// The owner of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Master {
    /// Where it listens for clients.
    pub address: SocketAddr,
    /// Its name, kept over restarts.
    pub node_id: NodeId,
    /// Raised by each failover; of two claims to a slot the higher one holds.
    pub config_epoch: u64,
}

/// How a node stands, for health reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name.
    pub id: NodeId,
    /// Where it listens, if any node knows.
    pub address: Option<SocketAddr>,
    /// As the node itself says, or else as others see it.
    pub role: Role,
    /// Agreed: a majority of the masters says so. Suspected: at least one does.
    pub failing: Failing,
    /// Whether it answered us lately.
    pub answers: bool,
}

/// The cluster, as the majority of its masters sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    masters: Vec<Master>,
    /// Slot → index into `masters`, or [`NOBODY`].
    table: Vec<u8>,
    nodes: Vec<NodeStatus>,
}

impl Topology {
    /// Nothing is known yet.
    pub(super) fn unknown() -> Self {
        merge(&[])
    }

    /// The owner of a slot, or none while there is none.
    pub fn master_of(&self, slot: Slot) -> Option<Master> {
        let index = *self.table.get(slot.index())?;
        self.masters.get(usize::from(index)).copied()
    }

    /// All owners of slots.
    pub fn masters(&self) -> &[Master] {
        &self.masters
    }

    /// All nodes.
    pub fn nodes(&self) -> &[NodeStatus] {
        &self.nodes
    }

    /// How many slots nobody owns; 0 when the cluster is whole.
    pub fn slots_without_master(&self) -> usize {
        self.table.iter().filter(|&&index| index == NOBODY).count()
    }
}

/// Merges what the nodes believe. Two views of one node: the first counts.
pub(super) fn merge(views: &[View]) -> Topology {
    let mut by_node = BTreeMap::new();
    for view in views {
        by_node.entry(view.myself).or_insert(view);
    }
    let voters: Vec<&View> = by_node
        .values()
        .copied()
        .filter(|view| votes(view))
        .collect();
    let masters: BTreeSet<NodeId> = by_node
        .values()
        .flat_map(|view| view.nodes.iter().filter(|line| owns_slots(line)))
        .map(|line| line.id)
        .collect();
    let majority = masters.len() / 2 + 1;

    let owners: Vec<Master> = masters
        .iter()
        .filter(|&&id| failing(&voters, id, majority) != Failing::Agreed)
        .filter_map(|&id| owner(&voters, id))
        .take(MAX_MASTERS)
        .collect();
    Topology {
        table: vote(&voters, &owners, majority),
        nodes: statuses(&by_node, &voters, majority),
        masters: owners,
    }
    .without_idle_masters()
}

fn owns_slots(line: &NodeLine) -> bool {
    line.role == Role::Master && !line.slots.is_empty()
}

fn votes(view: &View) -> bool {
    view.own_line().is_some_and(owns_slots)
}

/// How a node is reached: by what others say, since a node may not know its own address.
fn owner(voters: &[&View], id: NodeId) -> Option<Master> {
    let others_first = voters
        .iter()
        .filter(|view| view.myself != id)
        .chain(voters.iter().filter(|view| view.myself == id));
    let lines: Vec<&NodeLine> = others_first.filter_map(|view| view.line(id)).collect();
    Some(Master {
        address: lines.iter().find_map(|line| line.address)?,
        node_id: id,
        config_epoch: lines.iter().map(|line| line.config_epoch).max()?,
    })
}

fn failing(voters: &[&View], id: NodeId, majority: usize) -> Failing {
    let says = |failing| {
        let lines = voters.iter().filter_map(|view| view.line(id));
        lines.filter(|line| line.failing == failing).count()
    };
    let agreed = says(Failing::Agreed);
    if agreed >= majority {
        Failing::Agreed
    } else if agreed + says(Failing::Suspected) > 0 {
        Failing::Suspected
    } else {
        Failing::No
    }
}

/// Slot → index into `owners`, where a majority names the same one.
fn vote(voters: &[&View], owners: &[Master], majority: usize) -> Vec<u8> {
    let mut table = vec![NOBODY; Slot::COUNT];
    for (index, owner) in owners.iter().enumerate() {
        let Ok(index) = u8::try_from(index) else {
            break;
        };
        let mut named = vec![0_usize; Slot::COUNT];
        let lines = voters.iter().filter_map(|view| view.line(owner.node_id));
        for range in lines
            .filter(|line| line.role == Role::Master)
            .flat_map(|line| &line.slots)
        {
            let range = usize::from(*range.start())..=usize::from(*range.end());
            named
                .get_mut(range)
                .into_iter()
                .flatten()
                .for_each(|count| *count += 1);
        }
        for (entry, count) in table.iter_mut().zip(named) {
            if count >= majority {
                *entry = index;
            }
        }
    }
    table
}

fn statuses(
    by_node: &BTreeMap<NodeId, &View>,
    voters: &[&View],
    majority: usize,
) -> Vec<NodeStatus> {
    let all: BTreeSet<NodeId> = by_node
        .values()
        .flat_map(|view| view.nodes.iter().map(|line| line.id))
        .collect();
    all.into_iter()
        .filter_map(|id| {
            let seen = || by_node.values().filter_map(|view| view.line(id));
            let own = by_node.get(&id).and_then(|view| view.own_line());
            Some(NodeStatus {
                id,
                address: seen().find_map(|line| line.address),
                role: own.or_else(|| seen().next())?.role,
                failing: failing(voters, id, majority),
                answers: own.is_some(),
            })
        })
        .collect()
}

impl Topology {
    /// Leaves out owners that no majority named for any slot.
    fn without_idle_masters(mut self) -> Self {
        let mut kept = Vec::new();
        let mut moved = vec![NOBODY; self.masters.len()];
        for entry in &mut self.table {
            let Some(to) = moved.get_mut(usize::from(*entry)) else {
                continue;
            };
            if *to == NOBODY {
                *to = u8::try_from(kept.len()).unwrap_or(NOBODY);
                kept.push(self.masters[usize::from(*entry)]);
            }
            *entry = *to;
        }
        self.masters = kept;
        self
    }
}
