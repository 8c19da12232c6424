//! What operators and holders change: always MySQL's row first.

use crate::actions::Action;
use crate::bound::Bound;
use crate::state::State;

pub(crate) fn candidates(bound: &Bound, state: &State, actions: &mut Vec<Action>) {
    if state.left.top_ups > 0 {
        actions.push(Action::TopUp);
    }
    if state.left.returns > 0 {
        actions.extend((0..bound.users).map(Action::Return));
    }
    if state.left.closes > 0 {
        actions.push(Action::Close);
    }
}

pub(crate) fn top_up(state: &mut State) -> Option<()> {
    state.left.top_ups -= 1;
    state.mysql.stock += 1;
    state.mysql.version += 1;
    Some(())
}

/// A coupon can be returned once it is a row and its holder knows it.
pub(crate) fn give_back(state: &mut State, user: u8) -> Option<()> {
    let user = usize::from(user);
    let told = state.told_and_held(user)?;
    state.mysql.rows[user].filter(|row| row.coupon == told.coupon)?;
    state.left.returns -= 1;
    state.mysql.version += 1;
    for win in [&mut state.mysql.rows[user], &mut state.told[user]].into_iter().flatten() {
        win.returned = true;
    }
    Some(())
}

pub(crate) fn close(state: &mut State) -> Option<()> {
    state.left.closes -= 1;
    state.closed = true;
    Some(())
}
