//! Everything that can happen next, and who carries it out.

use crate::bound::Bound;
use crate::state::{BATCH, State};
use crate::steps::Steps;
use crate::{edge, leader, operators, persister, redis};

/// One atomic action. A stall of anybody is simply that its next action comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An edge runs the script for these users on a node.
    Ask {
        /// The edge.
        edge: u8,
        /// The node, the owner or not.
        node: u8,
        /// The users, in order.
        users: [Option<u8>; BATCH],
    },
    /// WAIT is satisfied, or not asked for: the edge tells the batch.
    TellHeld(u8),
    /// WAIT failed: the wins shown are published, and acknowledged.
    Publish(u8),
    /// WAIT failed: the wins shown are produced, and given up; each may be written later.
    PublishLate(u8),
    /// The edge appends a probe and reads the directory past it.
    Probe(u8),
    /// The edge tells a batch that passed.
    Tell(u8),
    /// The edge dies, or runs out of time: 503.
    GiveUp(u8),
    /// The edge reads the filter of winners from a node.
    ReadFilter {
        /// The edge.
        edge: u8,
        /// The node.
        node: u8,
    },
    /// The edge answers sold out from memory.
    FromMemory {
        /// The edge.
        edge: u8,
        /// Who asks.
        user: u8,
    },
    /// A produce that was given up is written after all.
    Land(u8),
    /// This user's win in the owner's outbox is published and acknowledged, by its edge or by the
    /// relay.
    Relay(u8),
    /// The persister takes the next record of a partition, with the offset, in one transaction.
    Persist(u8),
    /// MySQL refuses the next record of a partition for good.
    Reject(u8),
    /// The replica copies the owner.
    Replicate,
    /// The owner's data reaches its disk.
    Sync,
    /// The replica is promoted. The old master does not know it.
    FailOver,
    /// A replaced master, resumed or restarted, learns that it is a replica.
    Demote(u8),
    /// The replica dies.
    Kill,
    /// It starts again, with what its disk held.
    Start,
    /// The owner restarts as a master, with what its disk held.
    Restart,
    /// The owner's replication id changes though no data went back.
    NewReplid,
    /// The lease goes to the other leader.
    HandOver,
    /// The active leader begins a re-arm: step 1.
    Rearm,
    /// The active leader renews the identity alone.
    Renew,
    /// The active leader begins to put new units on sale.
    Reopen,
    /// A leader chooses the node to arm.
    Target {
        /// The leader.
        leader: u8,
        /// The node.
        node: u8,
    },
    /// A leader takes the next step of what it is at.
    Proceed(u8),
    /// An operator adds a unit.
    TopUp,
    /// A told coupon is returned, in MySQL.
    Return(u8),
    /// The window ends.
    Close,
}

/// Adds what might happen next; `take` has the last word on each.
pub fn candidates(bound: &Bound, state: &State, actions: &mut Vec<Action>) {
    edge::candidates(bound, state, actions);
    persister::candidates(bound, state, actions);
    redis::candidates(bound, state, actions);
    leader::candidates(state, actions);
    operators::candidates(bound, state, actions);
}

/// Carries one action out. None: it cannot happen, or would change nothing that matters.
pub fn take(bound: &Bound, steps: Steps, state: &mut State, action: Action) -> Option<()> {
    match action {
        Action::Ask { edge, node, users } => edge::ask(bound, steps, state, edge, node, users),
        Action::TellHeld(edge) => edge::tell_held(bound, steps, state, edge),
        Action::Publish(edge) => edge::publish(bound, steps, state, edge),
        Action::PublishLate(edge) => edge::publish_late(bound, steps, state, edge),
        Action::Probe(edge) => edge::probe(steps, state, edge),
        Action::Tell(edge) => edge::tell(bound, state, edge),
        Action::GiveUp(edge) => edge::give_up(state, edge),
        Action::ReadFilter { edge, node } => edge::read_filter(steps, state, edge, node),
        Action::FromMemory { edge, user } => edge::from_memory(steps, state, edge, user),
        Action::Land(index) => persister::land(state, index),
        Action::Relay(user) => persister::relay(bound, state, user),
        Action::Persist(partition) => persister::persist(steps, state, partition),
        Action::Reject(partition) => persister::reject(state, partition),
        Action::Replicate => redis::replicate(state),
        Action::Sync => redis::sync(state),
        Action::FailOver => redis::fail_over(state),
        Action::Demote(node) => redis::demote(state, node),
        Action::Kill => redis::kill(state),
        Action::Start => redis::start(state),
        Action::Restart => redis::restart(steps, state),
        Action::NewReplid => redis::new_replid(state),
        Action::HandOver => leader::hand_over(state),
        Action::Rearm => leader::rearm(bound, steps, state),
        Action::Renew => leader::renew(steps, state),
        Action::Reopen => leader::reopen(steps, state),
        Action::Target { leader, node } => leader::target(steps, state, leader, node),
        Action::Proceed(leader) => leader::proceed(bound, steps, state, leader),
        Action::TopUp => operators::top_up(state),
        Action::Return(user) => operators::give_back(state, user),
        Action::Close => operators::close(state),
    }
}
