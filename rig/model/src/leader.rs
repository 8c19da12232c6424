//! The leaders: re-arm, renewal of an identity, new units on sale.

use crate::actions::Action;
use crate::bound::Bound;
use crate::edge::{begin_wait, end_wait};
use crate::persister::{Stock, fits};
use crate::redis::serves;
use crate::state::{LEADERS, Leader, NODES, Node, Phase, Record, State, Task, USERS, Win};
use crate::steps::{Step, Steps};

pub(crate) fn candidates(state: &State, actions: &mut Vec<Action>) {
    for index in 0..LEADERS as u8 {
        match state.leaders[usize::from(index)].task {
            Task::Idle if index == state.active => {
                actions.extend([Action::Rearm, Action::Renew, Action::Reopen]);
            }
            Task::Idle => {}
            Task::Target => {
                actions.extend((0..NODES as u8).map(|node| Action::Target { leader: index, node }))
            }
            _ => actions.push(Action::Proceed(index)),
        }
    }
    let at_work = state.leaders[usize::from(state.active)].task != Task::Idle;
    if state.left.handovers > 0 && at_work {
        actions.push(Action::HandOver);
    }
}

pub(crate) fn hand_over(state: &mut State) -> Option<()> {
    state.left.handovers -= 1;
    state.active = 1 - state.active;
    Some(())
}

/// Step 1, whenever the shard's identity or epoch is not what MySQL says, or a re-arm was cut
/// short.
pub(crate) fn rearm(bound: &Bound, steps: Steps, state: &mut State) -> Option<()> {
    let seen = |index: &usize| *index == usize::from(state.owner) || !steps.has(Step::OwnerCheck);
    let astray = (0..NODES).filter(seen).map(|index| &state.nodes[index]).any(|node| {
        serves(node) && (node.data.epoch != state.mysql.epoch || node.data.identity != node.replid)
    });
    if state.mysql.open && !astray || state.mysql.epoch == bound.epochs {
        return None;
    }
    state.mysql.epoch += 1;
    state.mysql.open = false;
    state.mysql.cut = 0;
    let leader = &mut state.leaders[usize::from(state.active)];
    leader.epoch = state.mysql.epoch;
    leader.task = if fences_first(steps) { Task::Announce } else { Task::Target };
    Some(())
}

fn fences_first(steps: Steps) -> bool {
    steps.has(Step::FenceBeforeArm) && steps.has(Step::FenceBeforeMarkers)
}

/// The identity alone, where only the replication id changed.
pub(crate) fn renew(steps: Steps, state: &mut State) -> Option<()> {
    let node = &mut state.nodes[usize::from(state.owner)];
    let same = |step, ours: u8, recorded: u8| ours == recorded || !steps.has(step);
    let data = &mut node.data;
    let wanted = data.epoch == state.mysql.epoch
        && state.mysql.open
        && data.phase == Phase::Open
        && data.identity != node.replid
        && same(Step::RenewalRunId, node.run, data.run)
        && same(Step::RenewalConfigEpoch, node.config_epoch, data.config_epoch);
    data.identity = node.replid;
    wanted.then_some(())
}

/// New units: phase `reopening`, with the wait begun.
pub(crate) fn reopen(steps: Steps, state: &mut State) -> Option<()> {
    let (active, version, stock) = (state.active, state.mysql.version, state.mysql.stock);
    let node = &mut state.nodes[usize::from(state.owner)];
    let data = &mut node.data;
    let stands = data.epoch == state.mysql.epoch
        && data.identity == node.replid
        && state.mysql.open
        && matches!(data.phase, Phase::Open | Phase::Reopening);
    if !stands || (data.version == version && data.phase == Phase::Open) {
        return None;
    }
    data.phase = if steps.has(Step::ReopeningWait) { Phase::Reopening } else { Phase::Open };
    data.version = version;
    data.stock = stock;
    mark_returned(&state.mysql.rows, &mut data.wins);
    if steps.has(Step::ReopeningWait) {
        state.leaders[usize::from(active)] = Leader {
            task: Task::Reopening,
            epoch: state.mysql.epoch,
            node: state.owner,
            replid: node.replid,
            version,
        };
        begin_wait(state, active);
    }
    Some(())
}

fn mark_returned(rows: &[Option<Win>; USERS], wins: &mut [Option<Win>; USERS]) {
    for (win, row) in wins.iter_mut().zip(rows) {
        if let (Some(win), Some(row)) = (win, row) {
            win.returned |= row.returned && row.coupon == win.coupon;
        }
    }
}

/// Step 3, first half: the node is looked up now, and written to later.
pub(crate) fn target(steps: Steps, state: &mut State, index: u8, node: u8) -> Option<()> {
    let candidate = &state.nodes[usize::from(node)];
    let named = node == state.owner || !steps.has(Step::OwnerCheck);
    let current =
        candidate.config_epoch >= state.mysql.config_epoch || !steps.has(Step::ConfigEpochCheck);
    if !serves(candidate) || !named || !current {
        return None;
    }
    let leader = &mut state.leaders[usize::from(index)];
    leader.node = node;
    leader.task = Task::Arm;
    Some(())
}

pub(crate) fn proceed(bound: &Bound, steps: Steps, state: &mut State, index: u8) -> Option<()> {
    let leader = state.leaders[usize::from(index)];
    let next = match leader.task {
        Task::Idle | Task::Target => return None,
        Task::Announce => announce(steps, state, leader),
        Task::Arm => arm(bound, steps, state, index),
        Task::Drain => drain(steps, state, index),
        Task::Mark(partition) => mark(bound, steps, state, leader, partition),
        Task::Unite => unite(bound, steps, state, index)?,
        Task::Chunk => chunk(steps, state, index),
        Task::OpenShard => open_shard(steps, state, index),
        Task::OpenRow => open_row(steps, state, leader),
        Task::OpenDirectory => open_directory(steps, state, leader),
        Task::Reopening => open_again(steps, state, index),
    };
    let leader = &mut state.leaders[usize::from(index)];
    leader.task = next;
    if next == Task::Idle {
        *leader = IDLE;
    }
    Some(())
}

/// A leader with nothing under way: what it knew before does not matter.
pub(crate) const IDLE: Leader =
    Leader { task: Task::Idle, epoch: 0, node: 0, replid: 0, version: 0 };

fn write_directory(steps: Steps, state: &mut State, epoch: u8) {
    let highest = if steps.has(Step::FoldByMaximum) { state.directory.max(epoch) } else { epoch };
    state.directory = highest;
}

fn announce(steps: Steps, state: &mut State, leader: Leader) -> Task {
    write_directory(steps, state, leader.epoch);
    if !steps.has(Step::FenceBeforeMarkers) {
        Task::Unite
    } else if !steps.has(Step::FenceBeforeArm) {
        Task::Mark(0)
    } else {
        Task::Target
    }
}

/// Step 3, second half: compare and set.
fn arm(bound: &Bound, steps: Steps, state: &mut State, index: u8) -> Task {
    let leader = &mut state.leaders[usize::from(index)];
    let node = &mut state.nodes[usize::from(leader.node)];
    if !serves(node) || node.data.epoch >= leader.epoch && steps.has(Step::ArmCompare) {
        return Task::Idle;
    }
    leader.replid = node.replid;
    node.data.epoch = leader.epoch;
    node.data.phase = Phase::Arming;
    node.data.armer = index + 1;
    node.data.identity = 0;
    if !bound.memory {
        return after_arm(steps);
    }
    begin_wait(state, index);
    Task::Drain
}

fn drain(steps: Steps, state: &mut State, index: u8) -> Task {
    if steps.has(Step::Drain) {
        end_wait(state, index);
    }
    after_arm(steps)
}

fn after_arm(steps: Steps) -> Task {
    match (steps.has(Step::FenceBeforeMarkers), steps.has(Step::FenceBeforeArm)) {
        (true, false) => Task::Announce,
        _ if !steps.has(Step::Markers) => Task::Unite,
        _ => Task::Mark(0),
    }
}

fn mark(bound: &Bound, steps: Steps, state: &mut State, leader: Leader, partition: u8) -> Task {
    state.queues[usize::from(partition)].push(Record::Marker(leader.epoch));
    let last = bound.partitions - 1;
    if partition < last && steps.has(Step::MarkerInEveryPartition) {
        Task::Mark(partition + 1)
    } else if steps.has(Step::FenceBeforeMarkers) {
        Task::Unite
    } else {
        Task::Announce
    }
}

/// The node, if it is still the one that this leader armed.
fn armed(steps: Steps, state: &mut State, leader: Leader, armer: u8) -> Option<&mut Node> {
    let node = &mut state.nodes[usize::from(leader.node)];
    let ours = node.data.epoch == leader.epoch
        && node.data.armer == armer + 1
        && (node.replid == leader.replid || !steps.has(Step::ReplidCompare));
    (serves(node) && ours).then_some(node)
}

/// Steps 5 and 6: past every marker, then the union as one transaction.
fn unite(bound: &Bound, steps: Steps, state: &mut State, index: u8) -> Option<Task> {
    let leader = state.leaders[usize::from(index)];
    if state.mysql.epoch != leader.epoch && steps.has(Step::EpochCompare) {
        return Some(Task::Idle);
    }
    let marked = if steps.has(Step::MarkerInEveryPartition) { bound.partitions } else { 1 };
    let every = (1 << marked) - 1;
    if steps.has(Step::Markers) && state.mysql.cut & every != every {
        return None;
    }
    let Some(node) = armed(steps, state, leader, index).copied() else {
        return Some(Task::Idle);
    };
    let mysql = &mut state.mysql;
    for user in 0..USERS {
        let Some(win) = node.data.wins[user] else { continue };
        let keeps_old = !steps.has(Step::HigherRevision);
        if fits(mysql, user, win, Stock::Checked) {
            mysql.rows[user] = Some(win);
        } else if let Some(row) = mysql.rows[user].as_mut().filter(|row| row.coupon == win.coupon) {
            row.returned &= win.returned || !keeps_old;
        }
    }
    for (user, win) in std::mem::take(&mut mysql.late) {
        let user = usize::from(user);
        if fits(mysql, user, win, Stock::Checked) {
            mysql.rows[user] = Some(win);
        }
    }
    mysql.united = leader.epoch;
    mysql.config_epoch = node.config_epoch;
    Some(Task::Chunk)
}

/// Step 6 in Redis, one user a chunk: what MySQL says stands.
fn chunk(steps: Steps, state: &mut State, index: u8) -> Task {
    let leader = state.leaders[usize::from(index)];
    let (rows, rejected) = (state.mysql.rows, state.mysql.rejected);
    let Some(node) = armed(steps, state, leader, index) else {
        return Task::Idle;
    };
    for user in 0..USERS {
        let row = rows[user].filter(|_| steps.has(Step::RowsPutBack));
        let letter = rejected[user].filter(|_| steps.has(Step::RejectedPutBack));
        let put_back = row.or(letter);
        let ours = node.data.wins[user];
        let right = match (ours, put_back) {
            (None, put_back) => put_back,
            (Some(ours), _) if rows[user].is_some_and(|row| row.coupon == ours.coupon) => {
                rows[user]
            }
            (Some(ours), Some(known)) if ours.coupon == known.coupon => put_back,
            (Some(_), known) if steps.has(Step::RemoveLosers) => known,
            (ours, _) => ours,
        };
        if ours != right {
            node.data.wins[user] = right;
            return Task::Chunk;
        }
    }
    Task::OpenShard
}

/// Step 7 in Redis.
fn open_shard(steps: Steps, state: &mut State, index: u8) -> Task {
    let leader = state.leaders[usize::from(index)];
    let (version, stock) = (state.mysql.version, state.mysql.stock);
    let rows = state.mysql.rows;
    let highest = (0..USERS)
        .filter_map(|user| state.mysql.known(user))
        .map(|win| win.sequence)
        .fold(0, u8::max);
    let Some(node) = armed(steps, state, leader, index) else {
        return Task::Idle;
    };
    let once_more = node.data.phase == Phase::Open;
    if !(once_more && steps.has(Step::NoUnitsOnceMore)) {
        node.data.stock = stock;
        node.data.version = version;
        mark_returned(&rows, &mut node.data.wins);
    }
    if steps.has(Step::HighestSequence) {
        node.data.sequence = node.data.sequence.max(highest);
    }
    node.data.phase = Phase::Open;
    node.data.identity = node.replid;
    node.data.run = node.run;
    node.data.config_epoch = node.config_epoch;
    state.leaders[usize::from(index)].version = version;
    Task::OpenRow
}

/// Step 7 in MySQL: open, if the version is the one that the shard carries, else once more.
fn open_row(steps: Steps, state: &mut State, leader: Leader) -> Task {
    let mysql = &mut state.mysql;
    if mysql.epoch != leader.epoch && steps.has(Step::EpochCompare) {
        return Task::Idle;
    }
    if mysql.version != leader.version {
        return Task::OpenShard;
    }
    mysql.open = true;
    Task::OpenDirectory
}

fn open_directory(steps: Steps, state: &mut State, leader: Leader) -> Task {
    write_directory(steps, state, leader.epoch);
    Task::Idle
}

/// New units: the wait is over; open, if it is this reopening still.
fn open_again(steps: Steps, state: &mut State, index: u8) -> Task {
    end_wait(state, index);
    let leader = state.leaders[usize::from(index)];
    let node = &mut state.nodes[usize::from(leader.node)];
    let data = &mut node.data;
    let phase = data.phase == Phase::Reopening || !steps.has(Step::ReopeningPhase);
    let version = data.version == leader.version || !steps.has(Step::ReopeningVersion);
    if serves(node) && phase && version {
        node.data.phase = Phase::Open;
    }
    Task::Idle
}
