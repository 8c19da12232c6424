//! Kafka's topic of wins, the relay of the outbox, and the persister that turns records into rows.

use crate::actions::Action;
use crate::bound::{Bound, Relay};
use crate::redis::serves;
use crate::state::{Mysql, Record, State, USERS, Win};
use crate::steps::{Step, Steps};

pub(crate) fn candidates(bound: &Bound, state: &State, actions: &mut Vec<Action>) {
    let owner = &state.nodes[usize::from(state.owner)];
    if bound.relay == Relay::Runs && serves(owner) {
        let entries = (0..bound.users).filter(|user| owner.data.outbox & (1 << user) != 0);
        actions.extend(entries.map(Action::Relay));
    }
    actions.extend((0..state.limbo.len() as u8).map(Action::Land));
    for partition in 0..bound.partitions {
        match state.queues[usize::from(partition)].first() {
            None => {}
            Some(Record::Issued { .. }) if state.left.rejects > 0 => {
                actions.extend([Action::Persist(partition), Action::Reject(partition)]);
            }
            Some(_) => actions.push(Action::Persist(partition)),
        }
    }
}

/// Where a user's records go. The first to claim has the last partition, so that markers, which
/// begin at the first, are tried before and after his record.
pub(crate) fn partition_of(bound: &Bound, user: u8) -> u8 {
    (user + bound.partitions - 1) % bound.partitions
}

/// Appends a user's record to its partition; Kafka has acknowledged it.
pub(crate) fn append(bound: &Bound, state: &mut State, user: u8, record: Record) {
    write(state, partition_of(bound, user), record);
}

fn write(state: &mut State, partition: u8, record: Record) {
    if let Record::Issued { user, win, .. } = record {
        state.logged[usize::from(user)] |= 1 << win.coupon;
    }
    if changes_something(state, partition, record) {
        state.queues[usize::from(partition)].push(record);
    }
}

/// A record of a win that is a row already, or that stands in the queue already with no marker
/// after it, is a replay when its turn comes: the search leaves it out.
fn changes_something(state: &State, partition: u8, record: Record) -> bool {
    let Record::Issued { user, win, .. } = record else {
        return true;
    };
    let known = state.mysql.known(usize::from(user));
    let queue = state.queues[usize::from(partition)].iter().rev();
    let mut since_marker = queue.take_while(|record| matches!(record, Record::Issued { .. }));
    known.is_none_or(|known| known.coupon != win.coupon)
        && !since_marker.any(|earlier| *earlier == record)
}

pub(crate) fn land(state: &mut State, index: u8) -> Option<()> {
    let (partition, record) = state.limbo.remove(usize::from(index));
    write(state, partition, record);
    Some(())
}

pub(crate) fn relay(bound: &Bound, state: &mut State, user: u8) -> Option<()> {
    let data = &mut state.nodes[usize::from(state.owner)].data;
    data.outbox &= !(1 << user);
    if let Some(win) = data.wins[usize::from(user)] {
        append(bound, state, user, Record::Issued { user, win, epoch: win.epoch });
    }
    Some(())
}

pub(crate) fn persist(steps: Steps, state: &mut State, partition: u8) -> Option<()> {
    let record = state.queues[usize::from(partition)].remove(0);
    let mysql = &mut state.mysql;
    match record {
        Record::Marker(epoch) if epoch == mysql.epoch => mysql.cut |= 1 << partition,
        Record::Marker(_) => {}
        Record::Issued { user, win, epoch } => {
            let user = usize::from(user);
            let replay = mysql.known(user).is_some_and(|known| known.coupon == win.coupon);
            let void = epoch < mysql.united && steps.has(Step::VoidAfterUnite);
            let late = epoch < mysql.epoch && mysql.cut & (1 << partition) != 0;
            if replay || void {
                // Nothing to write but the offset; a void one is counted.
            } else if late && mysql.united < mysql.epoch {
                keep_late(steps, mysql, user, win);
            } else if fits(mysql, user, win, Stock::Unchecked) {
                mysql.rows[user] = Some(win);
            }
        }
    }
    Some(())
}

fn keep_late(steps: Steps, mysql: &mut Mysql, user: usize, win: Win) {
    let letter = (user as u8, win);
    if steps.has(Step::KeepLate) && !mysql.late.contains(&letter) {
        mysql.late.push(letter);
        mysql.late.sort_unstable_by_key(|(user, win)| (*user, win.coupon));
    }
}

pub(crate) fn reject(state: &mut State, partition: u8) -> Option<()> {
    let Record::Issued { user, win, epoch } = state.queues[usize::from(partition)].remove(0) else {
        return None;
    };
    let user = usize::from(user);
    let mysql = &mut state.mysql;
    // Late, void and replayed records are not written as coupons, so MySQL cannot refuse them.
    let late = epoch < mysql.epoch && mysql.cut & (1 << partition) != 0;
    if epoch < mysql.united || late || !fits(mysql, user, win, Stock::Unchecked) {
        return None;
    }
    mysql.rejected[user] = Some(win);
    state.left.rejects -= 1;
    Some(())
}

/// Whether the unit's stock is looked at, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stock {
    /// The unique keys only: what an INSERT sees.
    Unchecked,
    /// As the union does.
    Checked,
}

/// Whether a win can become a row beside those that stand.
pub(crate) fn fits(mysql: &Mysql, user: usize, win: Win, stock: Stock) -> bool {
    let taken = |other: Option<Win>| other.is_some_and(|other| other.sequence == win.sequence);
    let free = (0..USERS).all(|user| !taken(mysql.rows[user]) && !taken(mysql.rejected[user]));
    let room = win.returned || mysql.held() < mysql.stock;
    mysql.known(user).is_none() && free && (room || stock == Stock::Unchecked)
}
