//! Which wins fit beside what MySQL has: a pure part of uniting.

use std::collections::{HashMap, HashSet};

use contract::coupon::Win;
use contract::ids::{CouponId, UserId};

/// What MySQL has of the users and numbers that are looked at, and the units that are left.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    by_user: HashMap<UserId, Vec<Win>>,
    sequences: HashSet<u64>,
    units_left: u64,
    limit: u32,
}

/// Why a win does not fit. MySQL's rows stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    /// Another coupon is this win of the user.
    #[error("coupon {0} is this win of its user")]
    Nth(CouponId),
    /// Another coupon has the number.
    #[error("another coupon has number {0}")]
    Sequence(u64),
    /// The user would have more than the limit.
    #[error("its user holds {0} units already")]
    Limit(u32),
    /// There would be more units than the stock.
    #[error("only {0} units are left")]
    Stock(u64),
}

impl Holdings {
    /// Of those users and numbers.
    pub(super) fn new(
        users: impl IntoIterator<Item = (UserId, Vec<Win>)>,
        sequences: HashSet<u64>,
        units_left: u64,
        limit: u32,
    ) -> Self {
        Self { by_user: users.into_iter().collect(), sequences, units_left, limit }
    }

    /// Adds a win, if it fits beside what is there and what was added before it.
    pub(super) fn add(&mut self, user: &UserId, win: &Win) -> Result<(), Misfit> {
        let wins = self.by_user.entry(user.clone()).or_default();
        if let Some(other) = wins.iter().find(|other| other.nth == win.nth) {
            return Err(Misfit::Nth(other.coupon));
        }
        if self.sequences.contains(&win.sequence) {
            return Err(Misfit::Sequence(win.sequence));
        }
        let units = units_of(win);
        let used = wins.iter().map(place_of).fold(0, u32::saturating_add);
        if used.saturating_add(place_of(win)) > self.limit {
            return Err(Misfit::Limit(used));
        }
        if u64::from(units) > self.units_left {
            return Err(Misfit::Stock(self.units_left));
        }
        self.units_left -= u64::from(units);
        self.sequences.insert(win.sequence);
        wins.push(*win);
        Ok(())
    }
}

/// Units that a coupon takes from the stock.
pub(super) fn units_of(win: &Win) -> u32 {
    if win.state.keeps_unit() { win.quantity } else { 0 }
}

/// Units that a coupon takes from its user's limit.
fn place_of(win: &Win) -> u32 {
    if win.state.keeps_place() { win.quantity } else { 0 }
}

#[cfg(test)]
mod tests {
    use contract::coupon::CouponState;
    use contract::ids::Attempt;

    use super::*;

    fn win(sequence: u64, nth: u32) -> Win {
        Win {
            coupon: CouponId::new(),
            sequence,
            attempt: Attempt::NONE,
            issued_at_ms: 1,
            quantity: 1,
            nth,
            state: CouponState::Issued,
            revision: 1,
        }
    }

    fn ann() -> UserId {
        "ann".parse().unwrap()
    }

    fn holdings(wins: Vec<Win>, units_left: u64, limit: u32) -> Holdings {
        let sequences = wins.iter().map(|win| win.sequence).collect();
        Holdings::new([(ann(), wins)], sequences, units_left, limit)
    }

    #[test]
    fn what_fits_takes_its_place() {
        let mut held = holdings(vec![win(1, 1)], 2, 3);
        assert_eq!(held.add(&ann(), &win(2, 2)), Ok(()));
        assert_eq!(held.add(&"bob".parse().unwrap(), &win(3, 1)), Ok(()));
        assert_eq!(held.add(&ann(), &win(4, 3)), Err(Misfit::Stock(0)));
    }

    #[test]
    fn a_place_or_a_number_is_taken_once() {
        let first = win(1, 1);
        let mut held = holdings(vec![first], 9, 3);
        assert_eq!(held.add(&ann(), &win(2, 1)), Err(Misfit::Nth(first.coupon)));
        assert_eq!(held.add(&"bob".parse().unwrap(), &win(1, 1)), Err(Misfit::Sequence(1)));
        assert_eq!(held.add(&"bob".parse().unwrap(), &win(2, 1)), Ok(()));
        assert_eq!(held.add(&ann(), &win(2, 2)), Err(Misfit::Sequence(2)));
    }

    #[test]
    fn nobody_goes_above_the_limit() {
        let mut held = holdings(vec![Win { quantity: 2, ..win(1, 1) }], 9, 2);
        assert_eq!(held.add(&ann(), &win(2, 2)), Err(Misfit::Limit(2)));
    }

    #[test]
    fn what_was_returned_takes_no_unit_but_its_number() {
        let returned = Win { state: CouponState::Returned, ..win(1, 1) };
        let mut held = holdings(vec![returned], 1, 1);
        assert_eq!(held.add(&ann(), &win(2, 2)), Ok(()));
        let gone = Win { state: CouponState::Returned, ..win(1, 1) };
        assert_eq!(held.add(&"bob".parse().unwrap(), &gone), Err(Misfit::Sequence(1)));
        let gone = Win { state: CouponState::Returned, ..win(3, 1) };
        assert_eq!(held.add(&"bob".parse().unwrap(), &gone), Ok(()));
    }

    #[test]
    fn what_was_withdrawn_takes_its_users_place_and_no_unit() {
        let withdrawn = Win { state: CouponState::Withdrawn, ..win(1, 1) };
        let mut held = holdings(vec![withdrawn], 1, 1);
        assert_eq!(held.add(&ann(), &win(2, 2)), Err(Misfit::Limit(1)));
        let gone = Win { state: CouponState::Withdrawn, ..win(3, 1) };
        assert_eq!(held.add(&"bob".parse().unwrap(), &gone), Ok(()));
        assert_eq!(held.add(&"cid".parse().unwrap(), &win(4, 1)), Ok(()));
    }
}
