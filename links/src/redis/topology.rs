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

    /// The owners of slots, each with the first slot that it owns, in the order of these.
    pub fn shards(&self) -> Vec<(u16, Master)> {
        let mut shards: Vec<(u16, Master)> = Vec::new();
        for (slot, index) in (0..).zip(&self.table) {
            if let Some(&master) = self.masters.get(usize::from(*index))
                && !shards.iter().any(|(_, known)| known.node_id == master.node_id)
            {
                shards.push((slot, master));
            }
        }
        shards
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
    let voters: Vec<&View> = by_node.values().copied().filter(|view| votes(view)).collect();
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
        for range in lines.filter(|line| line.role == Role::Master).flat_map(|line| &line.slots) {
            let range = usize::from(*range.start())..=usize::from(*range.end());
            named.get_mut(range).into_iter().flatten().for_each(|count| *count += 1);
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
    let all: BTreeSet<NodeId> =
        by_node.values().flat_map(|view| view.nodes.iter().map(|line| line.id)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::cluster_nodes::parse;

    /// Three masters a, b, c with a third of the slots each, and a's replica d.
    const HEALTHY: &str =
        "a master 1 0-5460; b master 2 5461-10922; c master 3 10923-16383; d slave 1";
    /// a is down and d has taken its place.
    const FAILED_OVER: &str =
        "a master,fail 1; b master 2 5461-10922; c master 3 10923-16383; d master 4 0-5460";

    fn id(letter: char) -> NodeId {
        letter.to_string().repeat(40).parse().unwrap()
    }

    fn port(letter: char) -> u32 {
        7000 + u32::from(letter) - u32::from('a')
    }

    /// What `me` believes: `letter flags epoch slots; …`.
    fn view(me: char, lines: &str) -> View {
        let line = |line: &str| {
            let mut words = line.trim().splitn(4, ' ');
            let mut next = || words.next().unwrap_or_default();
            let (letter, flags, epoch, slots) = (next(), next(), next(), next());
            let letter = letter.chars().next().unwrap();
            let myself = if letter == me { "myself," } else { "" };
            let (id, port) = (id(letter), port(letter));
            format!("{id} 127.0.0.1:{port}@1 {myself}{flags} - 0 0 {epoch} connected {slots}\n")
        };
        parse(&lines.split(';').map(line).collect::<String>()).unwrap()
    }

    fn views(mes: &str, lines: &str) -> Vec<View> {
        mes.chars().map(|me| view(me, lines)).collect()
    }

    fn owner_of(topology: &Topology, slot: u16) -> Option<NodeId> {
        let master = topology.master_of(Slot::new(slot).unwrap())?;
        Some(master.node_id)
    }

    #[test]
    fn a_healthy_cluster_has_a_master_for_every_slot() {
        let topology = merge(&views("abcd", HEALTHY));
        assert_eq!(topology.slots_without_master(), 0);
        assert_eq!(owner_of(&topology, 0), Some(id('a')));
        assert_eq!(owner_of(&topology, 5460), Some(id('a')));
        assert_eq!(owner_of(&topology, 5461), Some(id('b')));
        assert_eq!(owner_of(&topology, 16_383), Some(id('c')));
        let first = topology.master_of(Slot::new(0).unwrap()).unwrap();
        assert_eq!(first.address, "127.0.0.1:7000".parse().unwrap());
        assert_eq!(first.config_epoch, 1);
        let shards = topology.shards().into_iter().map(|(slot, master)| (slot, master.node_id));
        assert!(shards.eq([(0, id('a')), (5_461, id('b')), (10_923, id('c'))]));
        assert_eq!(topology.nodes().len(), 4);
        assert!(topology.nodes().iter().all(|node| node.answers && node.failing == Failing::No));
    }

    #[test]
    fn nothing_known_is_no_master_anywhere() {
        assert_eq!(merge(&[]).slots_without_master(), Slot::COUNT);
        assert_eq!(merge(&views("d", HEALTHY)).slots_without_master(), Slot::COUNT, "no vote");
    }

    #[test]
    fn one_view_more_or_less_changes_nothing_while_a_majority_answers() {
        let topology = merge(&views("bc", HEALTHY));
        assert_eq!(topology.masters(), merge(&views("abcd", HEALTHY)).masters());
        let a = topology.nodes().iter().find(|node| node.id == id('a')).unwrap();
        assert!(!a.answers);
        assert_eq!(a.role, Role::Master);
    }

    #[test]
    fn a_minority_has_no_say_about_any_slot() {
        for me in ["a", "ad"] {
            assert_eq!(merge(&views(me, HEALTHY)).slots_without_master(), Slot::COUNT, "{me}");
        }
    }

    #[test]
    fn a_promoted_replica_is_the_master_whatever_the_old_one_says() {
        let mut all = views("bcd", FAILED_OVER);
        assert_eq!(owner_of(&merge(&all), 0), Some(id('d')));
        // It comes back and believes what it believed before.
        all.push(view('a', HEALTHY));
        let topology = merge(&all);
        assert_eq!(owner_of(&topology, 0), Some(id('d')));
        assert_eq!(owner_of(&topology, 16_383), Some(id('c')));
        assert_eq!(topology.master_of(Slot::new(0).unwrap()).unwrap().config_epoch, 4);
    }

    #[test]
    fn halfway_through_a_failover_nobody_is_the_master() {
        let all = [
            view('b', FAILED_OVER),
            view('d', FAILED_OVER),
            view('a', HEALTHY),
            view('c', HEALTHY),
        ];
        let topology = merge(&all);
        assert_eq!(owner_of(&topology, 0), None);
        assert_eq!(owner_of(&topology, 5461), Some(id('b')));
    }

    #[test]
    fn a_master_that_a_majority_calls_down_is_none() {
        let suspected = HEALTHY.replace("a master", "a master,fail?");
        let down = HEALTHY.replace("a master", "a master,fail");
        let both = [view('b', &down), view('c', &suspected)];
        assert_eq!(owner_of(&merge(&both), 0), Some(id('a')), "one is no majority");
        let topology = merge(&views("bc", &down));
        assert_eq!(owner_of(&topology, 0), None);
        assert_eq!(topology.slots_without_master(), 5461);
        assert_eq!(topology.nodes()[0].failing, Failing::Agreed);
    }

    #[test]
    fn two_views_of_one_node_are_one_vote() {
        let twice = [view('a', HEALTHY), view('a', HEALTHY)];
        assert_eq!(merge(&twice).slots_without_master(), Slot::COUNT);
    }

    #[test]
    fn a_node_that_does_not_know_its_address_is_reached_by_what_others_say() {
        let mut all = views("abc", HEALTHY);
        all[0].nodes[0].address = None;
        let address = merge(&all).master_of(Slot::new(0).unwrap()).unwrap().address;
        assert_eq!(address, "127.0.0.1:7000".parse().unwrap());
    }
}
