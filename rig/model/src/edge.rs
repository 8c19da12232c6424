//! An edge: ask, WAIT, publish, probe, tell; sold out from memory.

use crate::actions::Action;
use crate::bound::Bound;
use crate::invariants::{tell_loss, tell_win};
use crate::persister::{append, partition_of};
use crate::redis::{Window, claim, in_step, serves};
use crate::state::{
    Answer, Ask, BATCH, Call, Edge, Filter, Memory, NODES, Phase, Record, Stage, State, USERS,
};
use crate::steps::{Step, Steps};

pub(crate) fn candidates(bound: &Bound, state: &State, actions: &mut Vec<Action>) {
    for edge in 0..bound.edges {
        let Edge { call, memory, .. } = state.edges[usize::from(edge)];
        // Edges in the same state are alike: the first one acts.
        if edge > 0 && state.edges[0] == state.edges[usize::from(edge)] {
            continue;
        }
        match call.map(|call| call.stage) {
            None => ask_candidates(bound, state, edge, actions),
            Some(Stage::Asked) if call.is_some_and(|call| call.held) => {
                actions.extend([Action::TellHeld(edge), Action::GiveUp(edge)]);
            }
            Some(Stage::Asked) => actions.extend([
                Action::TellHeld(edge),
                Action::Publish(edge),
                Action::PublishLate(edge),
                Action::Probe(edge),
                Action::GiveUp(edge),
            ]),
            Some(Stage::ProbedFirst) => actions.extend([Action::Publish(edge)]),
            Some(Stage::Logged) => actions.extend([Action::Probe(edge), Action::GiveUp(edge)]),
            Some(Stage::Confirmed) => actions.push(Action::Tell(edge)),
        }
        if remembers(bound, edge) {
            actions.extend((0..NODES as u8).map(|node| Action::ReadFilter { edge, node }));
        }
        if memory.is_some() {
            actions.extend((0..bound.users).map(|user| Action::FromMemory { edge, user }));
        }
    }
}

fn remembers(bound: &Bound, edge: u8) -> bool {
    bound.memory && edge == 0
}

/// Users who never got anything are alike, so only the first of them asks.
fn ask_candidates(bound: &Bound, state: &State, edge: u8, actions: &mut Vec<Action>) {
    let fresh = (0..bound.users).find(|user| state.granted[usize::from(*user)] == 0);
    let known = fresh.map_or(bound.users, |fresh| fresh + 1);
    for node in 0..NODES as u8 {
        if !serves(&state.nodes[usize::from(node)]) {
            continue;
        }
        for user in 0..known {
            actions.push(Action::Ask { edge, node, users: [Some(user), None] });
            if bound.batch < 2 {
                continue;
            }
            // Beside the fresh user, the next one asks as well.
            let others = (0..bound.users.min(known + 1)).filter(|other| *other != user);
            actions.extend(others.map(|other| Action::Ask {
                edge,
                node,
                users: [Some(user), Some(other)],
            }));
        }
    }
}

pub(crate) fn ask(
    bound: &Bound,
    steps: Steps,
    state: &mut State,
    edge: u8,
    node: u8,
    users: [Option<u8>; BATCH],
) -> Option<()> {
    let window = if state.closed { Window::Over } else { Window::Runs };
    let mut asks = [None; BATCH];
    for (ask, user) in asks.iter_mut().zip(users.into_iter().flatten()) {
        let index = usize::from(user);
        let winner = state.told_and_held(index).is_some();
        let shard = &mut state.nodes[usize::from(node)];
        let answer = claim(bound, steps, shard, index, &mut state.granted[index], window);
        *ask = Some(Ask { user, winner, answer });
    }
    let matters = asks.into_iter().flatten().all(|ask| matters(bound, state, edge, ask));
    let data = state.nodes[usize::from(node)].data;
    let call = Call {
        replid: state.nodes[usize::from(node)].replid,
        epoch: data.epoch,
        sequence: data.sequence,
        asks,
        stage: Stage::Asked,
        held: in_step(state, node),
        waits: 0,
        old: false,
    };
    state.edges[usize::from(edge)].call = Some(call);
    matters.then_some(())
}

/// Whether telling the answer could change anything: the rest is left out of the search.
fn matters(bound: &Bound, state: &State, edge: u8, ask: Ask) -> bool {
    match ask.answer {
        Answer::New(_) => true,
        Answer::Repeated(win) => {
            state.told[usize::from(ask.user)].is_none_or(|told| told.coupon != win.coupon)
        }
        Answer::SoldOut => ask.winner || remembers(bound, edge),
        Answer::Closed => ask.winner,
        Answer::Later => false,
    }
}

/// What may be told without Kafka, by the rules in force.
pub(crate) fn tell_held(bound: &Bound, steps: Steps, state: &mut State, edge: u8) -> Option<()> {
    let call = state.edges[usize::from(edge)].call?;
    let answers = || call.asks.into_iter().flatten().map(|ask| ask.answer);
    let any_new = answers().any(|answer| matches!(answer, Answer::New(_)));
    let any_win = any_new || answers().any(|answer| matches!(answer, Answer::Repeated(_)));
    let waived = match (any_new, any_win) {
        (true, _) => !steps.has(Step::HeldTwice),
        (false, true) => !steps.has(Step::WaitOnRepeats),
        (false, false) => !steps.has(Step::ProbeOnLosses),
    };
    if !call.held && !waived {
        return None;
    }
    tell_batch(bound, state, edge)
}

fn tell_batch(bound: &Bound, state: &mut State, edge: u8) -> Option<()> {
    let call = state.edges[usize::from(edge)].call.take()?;
    for ask in call.asks.into_iter().flatten() {
        let user = usize::from(ask.user);
        match ask.answer {
            Answer::New(win) | Answer::Repeated(win) => tell_win(state, user, win),
            Answer::SoldOut | Answer::Closed if ask.winner => tell_loss(state, user),
            Answer::SoldOut | Answer::Closed | Answer::Later => {}
        }
        if ask.answer == Answer::SoldOut && remembers(bound, edge) && !call.old {
            state.edges[usize::from(edge)].memory =
                Some(Memory { epoch: call.epoch, sequence: call.sequence, waits: call.waits });
        }
    }
    Some(())
}

/// The records of the wins that a batch shows, as far as the rules publish them.
fn records(steps: Steps, call: &Call) -> impl Iterator<Item = (u8, Record)> {
    let epoch = call.epoch;
    call.asks.into_iter().flatten().filter_map(move |ask| {
        let win = match ask.answer {
            Answer::New(win) => win,
            Answer::Repeated(win) if steps.has(Step::PublishRepeats) => win,
            _ => return None,
        };
        Some((ask.user, Record::Issued { user: ask.user, win, epoch }))
    })
}

pub(crate) fn publish(bound: &Bound, steps: Steps, state: &mut State, edge: u8) -> Option<()> {
    let mut call = state.edges[usize::from(edge)].call?;
    let probe_comes_first = steps.has(Step::Probe) && !steps.has(Step::ProbeAfterAck);
    if probe_comes_first && call.stage == Stage::Asked {
        return None;
    }
    for (user, record) in records(steps, &call) {
        append(bound, state, user, record);
    }
    call.stage = if call.stage == Stage::ProbedFirst || !steps.has(Step::Probe) {
        Stage::Confirmed
    } else {
        Stage::Logged
    };
    state.edges[usize::from(edge)].call = Some(call);
    Some(())
}

pub(crate) fn publish_late(bound: &Bound, steps: Steps, state: &mut State, edge: u8) -> Option<()> {
    let call = state.edges[usize::from(edge)].call.take()?;
    let late: Vec<_> = records(steps, &call).collect();
    if late.is_empty() || state.left.late == 0 {
        return None;
    }
    state.left.late -= 1;
    let late = late.into_iter().map(|(user, record)| (partition_of(bound, user), record));
    state.limbo.extend(late);
    state.limbo.sort_unstable();
    Some(())
}

pub(crate) fn probe(steps: Steps, state: &mut State, edge: u8) -> Option<()> {
    let call = state.edges[usize::from(edge)].call.as_mut()?;
    let next = match (call.stage, steps.has(Step::ProbeAfterAck)) {
        (Stage::Asked, false) => Stage::ProbedFirst,
        (Stage::Logged, true) => Stage::Confirmed,
        _ => return None,
    };
    if !steps.has(Step::Probe) {
        return None;
    }
    call.stage = next;
    if state.directory > call.epoch {
        state.edges[usize::from(edge)].call = None;
    }
    Some(())
}

pub(crate) fn tell(bound: &Bound, state: &mut State, edge: u8) -> Option<()> {
    tell_batch(bound, state, edge)
}

pub(crate) fn give_up(state: &mut State, edge: u8) -> Option<()> {
    state.edges[usize::from(edge)].call.take().map(|_| ())
}

pub(crate) fn read_filter(steps: Steps, state: &mut State, edge: u8, node: u8) -> Option<()> {
    let shard = &state.nodes[usize::from(node)];
    let data = &shard.data;
    let known = data.identity == shard.replid || !steps.has(Step::Identity);
    if !serves(shard) || !known || !matches!(data.phase, Phase::Open | Phase::Reopening) {
        return None;
    }
    let winners = (0..USERS).filter(|user| data.wins[*user].is_some());
    let read = Filter {
        epoch: data.epoch,
        sequence: data.sequence,
        members: winners.fold(0, |members, user| members | 1 << user),
    };
    let filter = &mut state.edges[usize::from(edge)].filter;
    let extends =
        filter.is_none_or(|filter| filter.epoch != read.epoch || filter.sequence < read.sequence);
    *filter = Some(read);
    extends.then_some(())
}

/// Sold out from memory, worth a look only where the user was told a win.
pub(crate) fn from_memory(steps: Steps, state: &mut State, edge: u8, user: u8) -> Option<()> {
    let Edge { memory, filter, .. } = state.edges[usize::from(edge)];
    let (memory, filter) = (memory?, filter?);
    let stale = steps.has(Step::FilterEpoch) && filter.epoch != memory.epoch
        || steps.has(Step::FilterSequence) && filter.sequence < memory.sequence;
    let member = filter.members & (1 << user) != 0;
    if stale || member || state.told_and_held(usize::from(user)).is_none() {
        return None;
    }
    tell_loss(state, usize::from(user));
    Some(())
}

/// A leader's wait begins: memories of calls sent before are gone when it ends.
pub(crate) fn begin_wait(state: &mut State, leader: u8) {
    for edge in &mut state.edges {
        if let Some(call) = &mut edge.call {
            call.waits |= 1 << leader;
        }
        if let Some(memory) = &mut edge.memory {
            memory.waits |= 1 << leader;
        }
    }
}

/// A leader's wait ends.
pub(crate) fn end_wait(state: &mut State, leader: u8) {
    let waited = |waits: u8| waits & (1 << leader) != 0;
    for edge in &mut state.edges {
        if let Some(call) = edge.call.as_mut().filter(|call| waited(call.waits)) {
            call.old = true;
        }
        if edge.memory.is_some_and(|memory| waited(memory.waits)) {
            edge.memory = None;
        }
    }
}
