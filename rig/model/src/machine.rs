//! The protocol as a state machine for the checker, and one search.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::actions::{self, Action};
use crate::bound::{Bound, Disk, Start};
use crate::invariants::{self, Invariant, Set};
use crate::leader::IDLE;
use crate::redis::{self, replid};
use crate::state::{
    Data, EDGES, Edge, LEADERS, Leader, Mysql, Node, PARTITIONS, Phase, Role, State, Task, USERS,
};
use crate::steps::Steps;

/// One bound, with the steps that are in force.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// How far to go.
    pub bound: Bound,
    /// The rules.
    pub steps: Steps,
    /// The invariants to look at; the breach of another is passed over.
    pub watch: Set,
}

/// What a search found.
pub struct Found {
    /// Different states seen.
    pub states: usize,
    /// Actions in the longest path.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether every state within the bound was seen.
    pub whole: bool,
    /// Whether some path leads through every epoch and change of the bound and on sale again.
    pub heals: bool,
    /// The shortest way to a broken invariant, if there is one.
    pub counterexample: Option<Counterexample>,
}

/// A way to a broken invariant.
pub struct Counterexample {
    /// Which one.
    pub invariant: Invariant,
    /// Each state with the action that follows it; the last has none.
    pub path: Vec<(State, Option<Action>)>,
}

impl Protocol {
    /// Nothing sold yet, both nodes in step.
    fn start(&self) -> State {
        let opening = self.bound.start == Start::OpenEntryMissing;
        let epoch = if opening { 2 } else { 1 };
        let mut leaders = [IDLE; LEADERS];
        if opening {
            leaders[0] = Leader { task: Task::OpenDirectory, epoch, ..IDLE };
        }
        let data = Data {
            epoch,
            phase: Phase::Open,
            identity: replid(0, 1),
            run: 0,
            config_epoch: 1,
            armer: 1,
            stock: self.bound.stock,
            ..Data::MISSING
        };
        let disk = match self.bound.disk {
            Disk::Nothing => Data::MISSING,
            Disk::PartlyOld => data,
        };
        let node = |index: usize, role| Node {
            role,
            up: true,
            synced: true,
            replid: replid(index, 1),
            replids: 1,
            run: index as u8,
            config_epoch: 1,
            data,
            disk,
        };
        let mut state = State {
            nodes: [node(0, Role::Master), node(1, Role::Replica)],
            owner: 0,
            edges: [Edge::default(); EDGES],
            leaders,
            active: 0,
            directory: epoch,
            queues: [const { Vec::new() }; PARTITIONS],
            limbo: Vec::new(),
            mysql: Mysql {
                epoch,
                open: true,
                united: epoch,
                config_epoch: 1,
                stock: self.bound.stock,
                version: 0,
                cut: 0,
                rows: [None; USERS],
                rejected: [None; USERS],
                late: Vec::new(),
            },
            closed: false,
            granted: [0; USERS],
            logged: [0; USERS],
            told: [None; USERS],
            left: self.bound.budget,
            broken: Set::default(),
        };
        if self.bound.start == Start::Replaced {
            let promoted = redis::fail_over(&mut state);
            debug_assert!(promoted.is_some(), "a replica in step can be promoted");
        }
        state
    }

    /// Searches breadth first until an invariant breaks, or everything was seen, or more than
    /// `limit` states were generated.
    pub fn search(self, threads: usize, limit: usize) -> Found {
        let started = Instant::now();
        let checker = self
            .checker()
            .threads(threads)
            .target_state_count(limit)
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        let counterexample = checker.discovery(HOLDS).and_then(|path| {
            let path: Vec<_> = path.into_vec();
            let invariant = path.last()?.0.broken.first()?;
            Some(Counterexample { invariant, path })
        });
        Found {
            states: checker.unique_state_count(),
            depth: checker.max_depth(),
            took: started.elapsed(),
            heals: checker.discovery(HEALS).is_some(),
            whole: counterexample.is_none() && checker.state_count() < limit,
            counterexample,
        }
    }
}

const HOLDS: &str = "every invariant holds";
const HEALS: &str = "the event is on sale again after all";

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.first().is_none() {
            actions::candidates(&self.bound, state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        actions::take(&self.bound, self.steps, &mut next, action)?;
        invariants::check(&mut next);
        next.broken = next.broken.and(self.watch);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::always(HOLDS, |_, state: &State| state.broken.first().is_none()),
            Property::sometimes(HEALS, |protocol: &Protocol, state| {
                invariants::healed(&protocol.bound, state)
            }),
        ]
    }
}
