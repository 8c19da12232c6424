//! The shard: the claim script, replication, promotion, restarts.

use crate::actions::Action;
use crate::bound::{Bound, Disk};
use crate::state::{Answer, Data, Node, Phase, Role, State, USERS, Win};
use crate::steps::{Step, Steps};

pub(crate) fn candidates(bound: &Bound, state: &State, actions: &mut Vec<Action>) {
    let owner = &state.nodes[usize::from(state.owner)];
    let peer = State::peer(state.owner);
    let replica = &state.nodes[usize::from(peer)];
    if replica.role == Role::Master {
        actions.push(Action::Demote(peer));
    } else if replica.up {
        if !replica.synced || replica.data != owner.data {
            actions.push(Action::Replicate);
        }
        if state.left.failovers > 0 {
            actions.push(Action::FailOver);
        }
        if state.left.kills > 0 {
            actions.push(Action::Kill);
        }
    } else {
        actions.push(Action::Start);
    }
    if bound.disk == Disk::PartlyOld && state.left.restarts > 0 && owner.disk != owner.data {
        actions.push(Action::Sync);
    }
    if state.left.restarts > 0 {
        actions.push(Action::Restart);
    }
    if state.left.replids > 0 {
        actions.push(Action::NewReplid);
    }
}

/// The claim script for one user: identity, own wins, window, stock.
pub(crate) fn claim(
    bound: &Bound,
    steps: Steps,
    node: &mut Node,
    user: usize,
    granted: &mut u8,
    window: Window,
) -> Answer {
    let data = &mut node.data;
    if data.phase == Phase::Missing {
        return Answer::Later;
    }
    let known = data.identity == node.replid || !steps.has(Step::Identity);
    if !known && steps.has(Step::IdentityOnLosses) {
        return Answer::Later;
    }
    if let Some(win) = data.wins[user] {
        // A returned win counts no more, but the model's users claim once only.
        let told_again = known && !win.returned;
        return if told_again { Answer::Repeated(win) } else { Answer::Later };
    }
    if window == Window::Over {
        return Answer::Closed;
    }
    if data.phase != Phase::Open {
        return Answer::Later;
    }
    if data.held() >= data.stock {
        return Answer::SoldOut;
    }
    if !known || *granted == bound.grants {
        return Answer::Later;
    }
    data.sequence += 1;
    let win = Win { coupon: *granted, sequence: data.sequence, epoch: data.epoch, returned: false };
    *granted += 1;
    data.wins[user] = Some(win);
    data.outbox |= 1 << user;
    Answer::New(win)
}

/// The event's window by the server's clock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// Claims are taken.
    Runs,
    /// Claims are refused.
    Over,
}

/// Whether a replica holds everything that this node holds, so that WAIT passes at once.
pub(crate) fn in_step(state: &State, node: u8) -> bool {
    let replica = &state.nodes[usize::from(State::peer(node))];
    node == state.owner
        && replica.role == Role::Replica
        && replica.up
        && replica.synced
        && replica.data == state.nodes[usize::from(node)].data
}

/// Whether the node answers scripts.
pub(crate) fn serves(node: &Node) -> bool {
    node.up && node.role == Role::Master
}

pub(crate) fn replicate(state: &mut State) -> Option<()> {
    let owner = state.owner;
    let Node { data, replid, .. } = state.nodes[usize::from(owner)];
    let replica = &mut state.nodes[usize::from(State::peer(owner))];
    replica.data = data;
    replica.synced = true;
    let calls = state.edges.iter_mut().filter_map(|edge| edge.call.as_mut());
    calls.filter(|call| call.replid == replid).for_each(|call| call.held = true);
    Some(())
}

pub(crate) fn sync(state: &mut State) -> Option<()> {
    let owner = &mut state.nodes[usize::from(state.owner)];
    owner.disk = owner.data;
    Some(())
}

pub(crate) fn fail_over(state: &mut State) -> Option<()> {
    state.left.failovers -= 1;
    let old = state.owner;
    let config_epoch = state.nodes[usize::from(old)].config_epoch + 1;
    let new = usize::from(State::peer(old));
    if !state.nodes[new].synced && !kept(state, &state.nodes[new].data) {
        return None;
    }
    promote(&mut state.nodes[new], new, config_epoch);
    state.owner = State::peer(old);
    Some(())
}

pub(crate) fn demote(state: &mut State, node: u8) -> Option<()> {
    let node = &mut state.nodes[usize::from(node)];
    node.role = Role::Replica;
    node.synced = false;
    Some(())
}

pub(crate) fn kill(state: &mut State) -> Option<()> {
    state.left.kills -= 1;
    let replica = &mut state.nodes[usize::from(State::peer(state.owner))];
    replica.up = false;
    replica.synced = false;
    Some(())
}

pub(crate) fn start(state: &mut State) -> Option<()> {
    let index = usize::from(State::peer(state.owner));
    let replica = &mut state.nodes[index];
    replica.up = true;
    replica.data = replica.disk;
    replica.run = new_run(replica);
    Some(())
}

pub(crate) fn restart(steps: Steps, state: &mut State) -> Option<()> {
    state.left.restarts -= 1;
    let index = usize::from(state.owner);
    let replica = &state.nodes[usize::from(State::peer(state.owner))];
    let can_take_over = replica.up && replica.role == Role::Replica;
    if can_take_over && steps.has(Step::WaitingStart) {
        return None; // The wait lets the replica take over: that is FailOver, then Demote.
    }
    let forgets_what_the_replica_has = can_take_over && replica.synced;
    if !forgets_what_the_replica_has && !kept(state, &state.nodes[index].disk) {
        return None;
    }
    let node = &mut state.nodes[index];
    node.data = node.disk;
    node.run = new_run(node);
    let config_epoch = node.config_epoch;
    promote(node, index, config_epoch);
    Some(())
}

pub(crate) fn new_replid(state: &mut State) -> Option<()> {
    state.left.replids -= 1;
    let index = usize::from(state.owner);
    let config_epoch = state.nodes[index].config_epoch;
    promote(&mut state.nodes[index], index, config_epoch);
    Some(())
}

/// The promise's premise: a win told, or held twice and about to be told, that Kafka has not
/// acknowledged is in what the shard goes on with. Asked only where the shard goes on with data that may be older than the last replica's:
/// both copies of the rest have vanished, which the promise excludes.
fn kept(state: &State, data: &Data) -> bool {
    let kept = |user: usize, win: Win| {
        state.logged[user] & (1 << win.coupon) != 0
            || data.wins[user].is_some_and(|its| its.coupon == win.coupon)
    };
    let told = (0..USERS).all(|user| state.told[user].is_none_or(|win| kept(user, win)));
    let held = state.edges.iter().filter_map(|edge| edge.call).filter(|call| call.held);
    let about_to_be_told = held.flat_map(|call| call.asks).flatten().all(|ask| match ask.answer {
        Answer::New(win) | Answer::Repeated(win) => kept(usize::from(ask.user), win),
        Answer::SoldOut | Answer::Closed | Answer::Later => true,
    });
    told && about_to_be_told
}

fn promote(node: &mut Node, index: usize, config_epoch: u8) {
    node.role = Role::Master;
    node.config_epoch = config_epoch;
    node.replids += 1;
    node.replid = replid(index, node.replids);
}

/// Replication ids never repeat between nodes; 0 is none.
pub(crate) fn replid(index: usize, replids: u8) -> u8 {
    index as u8 * 16 + replids
}

/// Run ids never repeat between nodes either: even ones are the first node's.
fn new_run(node: &Node) -> u8 {
    node.run + 2
}
