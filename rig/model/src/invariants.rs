//! The invariants, and where the model looks for their breach.

use crate::bound::Bound;
use crate::state::{Phase, State, USERS, Win};

/// What must never break, named as in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Invariant {
    /// Never oversold.
    I1,
    /// Nobody above the limit, which is one here.
    I2,
    /// Every told win is a row once things settle.
    I3,
    /// A winner is never told a loss.
    I6,
    /// No two told wins share a sequence number.
    I7,
}

impl Invariant {
    /// What it says.
    pub fn says(self) -> &'static str {
        match self {
            Invariant::I1 => "never oversold",
            Invariant::I2 => "nobody has more than the limit",
            Invariant::I3 => "every win that was told is a row once things settle",
            Invariant::I6 => "a winner is never told a loss",
            Invariant::I7 => "no two told wins share a sequence number",
        }
    }
}

/// A set of invariants: those that were broken, or those to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set {
    mask: u8,
}

impl Set {
    /// Every invariant.
    pub const ALL: Set = Set { mask: u8::MAX };

    /// Only this one.
    pub fn only(invariant: Invariant) -> Set {
        Set { mask: 1 << invariant as u8 }
    }

    /// Those that are in both.
    pub fn and(self, other: Set) -> Set {
        Set { mask: self.mask & other.mask }
    }

    /// The first of them.
    pub fn first(self) -> Option<Invariant> {
        use Invariant::{I1, I2, I3, I6, I7};
        [I1, I2, I3, I6, I7].into_iter().find(|one| self.mask & (1 << *one as u8) != 0)
    }
}

/// A user is told a win: remembers it, and sees whether it may be.
pub fn tell_win(state: &mut State, user: usize, win: Win) {
    match state.told[user] {
        Some(before) if before.coupon == win.coupon => return,
        Some(before) if !before.returned => return broken(state, Invariant::I2),
        _ => {}
    }
    let twice =
        (0..USERS).any(|other| state.told[other].is_some_and(|told| told.sequence == win.sequence));
    state.told[user] = Some(win);
    if (0..USERS).filter(|user| state.told_and_held(*user).is_some()).count()
        > usize::from(state.mysql.stock)
    {
        broken(state, Invariant::I1);
    }
    if twice {
        broken(state, Invariant::I7);
    }
}

/// A user who was told a win before he asked is told a loss.
pub fn tell_loss(state: &mut State, user: usize) {
    if state.told_and_held(user).is_some() {
        broken(state, Invariant::I6);
    }
}

/// Looks at MySQL after any action.
pub fn check(state: &mut State) {
    if state.mysql.held() > state.mysql.stock {
        broken(state, Invariant::I1);
    }
    if settled(state) && (0..USERS).any(|user| lost(state, user)) {
        broken(state, Invariant::I3);
    }
}

/// Nothing is on its way any more, and the shard stands as MySQL says.
fn settled(state: &State) -> bool {
    let owner = &state.nodes[usize::from(state.owner)];
    state.queues.iter().all(Vec::is_empty)
        && state.limbo.is_empty()
        && owner.data.outbox == 0
        && stands(state)
}

/// The shard stands as MySQL says.
fn stands(state: &State) -> bool {
    let owner = &state.nodes[usize::from(state.owner)];
    state.mysql.open
        && owner.data.phase == Phase::Open
        && owner.data.epoch == state.mysql.epoch
        && owner.data.identity == owner.replid
}

/// The bound's last epoch and last change stand, and somebody was told a win: shows that a search
/// went through the whole way back and out again.
pub fn healed(bound: &Bound, state: &State) -> bool {
    let changes = bound.budget.top_ups + bound.budget.returns;
    let owner = &state.nodes[usize::from(state.owner)];
    stands(state)
        && state.mysql.epoch == bound.epochs
        && owner.data.version == changes
        && owner.data.stock == state.mysql.stock
        && (0..USERS).any(|user| state.told[user].is_some())
}

/// Told, and neither a row nor a letter that waits for an operator.
fn lost(state: &State, user: usize) -> bool {
    state.told[user]
        .is_some_and(|told| state.mysql.known(user).is_none_or(|known| known.coupon != told.coupon))
}

fn broken(state: &mut State, invariant: Invariant) {
    state.broken.mask |= 1 << invariant as u8;
}
