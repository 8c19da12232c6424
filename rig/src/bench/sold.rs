//! What MySQL has of a sale, counted against what there was to sell.

use std::collections::HashSet;

use crate::check::snapshot::Holding;

/// Rows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sold {
    rows: u64,
    users: u64,
    numbers: u64,
}

impl Sold {
    /// Counts rows.
    pub(super) fn of(rows: &[Holding]) -> Self {
        let users: HashSet<&str> = rows.iter().map(|row| row.user.as_str()).collect();
        let numbers: HashSet<u64> = rows.iter().map(|row| row.sequence).collect();
        let count = |length: usize| length as u64;
        Self { rows: count(rows.len()), users: count(users.len()), numbers: count(numbers.len()) }
    }

    /// What is wrong where all units were sold, if anything is.
    pub(super) fn wrong(self, stock: u64) -> Option<String> {
        let Self { rows, users, numbers } = self;
        let right = Self { rows: stock, users: stock, numbers: stock };
        (self != right)
            .then(|| format!("{rows} rows, {users} users, {numbers} numbers of {stock} units"))
    }
}

#[cfg(test)]
mod tests {
    use contract::coupon::CouponState;
    use contract::ids::{Attempt, CouponId};

    use super::*;

    fn row(user: &str, sequence: u64) -> Holding {
        Holding {
            user: user.parse().unwrap(),
            coupon: CouponId::new(),
            sequence,
            nth: 1,
            quantity: 1,
            attempt: Attempt::NONE,
            state: CouponState::Issued,
        }
    }

    #[test]
    fn every_unit_has_one_user_and_one_number() {
        assert_eq!(Sold::of(&[row("ann", 1), row("bob", 2)]).wrong(2), None);
        assert!(Sold::of(&[row("ann", 1), row("bob", 2)]).wrong(1).is_some(), "oversold");
        assert!(Sold::of(&[row("ann", 1), row("ann", 2)]).wrong(2).is_some(), "a user twice");
        assert!(Sold::of(&[row("ann", 1), row("bob", 1)]).wrong(2).is_some(), "a number twice");
        assert!(Sold::of(&[row("ann", 1)]).wrong(2).is_some(), "a row is missing");
    }
}
