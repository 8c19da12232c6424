//! A win in Redis beside its user's rows: pure, so that every case is tested without a server.

use contract::coupon::Win;

use super::kinds::Kind;
use crate::store::reconcile::Explained;

/// How a win fits its user's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit<'a> {
    /// The row says the same.
    Same(&'a Win),
    /// The row says otherwise; nothing that is under way explains that.
    Differs(&'a Win, Kind),
    /// The row stands otherwise. Returns and revocations change MySQL first and Redis after, so
    /// only a second look tells.
    Unsettled(&'a Win, Kind),
    /// Its user has no row of its coupon.
    NoRow,
}

/// How a win fits the rows of its user.
pub(super) fn fit<'a>(win: &Win, rows: &'a [Win]) -> Fit<'a> {
    let Some(row) = rows.iter().find(|row| row.coupon == win.coupon) else {
        return Fit::NoRow;
    };
    if row.sequence != win.sequence {
        Fit::Differs(row, Kind::SequenceDiffers)
    } else if row.nth != win.nth {
        Fit::Differs(row, Kind::NthDiffers)
    } else if row.quantity != win.quantity {
        Fit::Differs(row, Kind::QuantityDiffers)
    } else if row.state != win.state {
        Fit::Unsettled(row, Kind::StateDiffers)
    } else if row.revision != win.revision {
        Fit::Unsettled(row, Kind::RevisionDiffers)
    } else {
        Fit::Same(row)
    }
}

/// What a second look at a win says, whose row had stood otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecondLook {
    /// It was under way: they agree now.
    Settled,
    /// Redis has moved, and they still differ: more is under way.
    Moving,
    /// Redis has stood still all the while: a difference, unless the change still waits to be
    /// carried there.
    Stuck(Kind),
}

/// Compares again. `first` is the win as it was at the first look; `now` and `rows` are the user's
/// wins and rows at the second.
pub(super) fn second_look(first: &Win, now: &[Win], rows: &[Win]) -> SecondLook {
    let Some(win) = now.iter().find(|win| win.coupon == first.coupon) else {
        return SecondLook::Moving;
    };
    match fit(win, rows) {
        Fit::Same(_) => SecondLook::Settled,
        Fit::Differs(_, kind) | Fit::Unsettled(_, kind) if win == first => SecondLook::Stuck(kind),
        Fit::Differs(..) | Fit::Unsettled(..) | Fit::NoRow => SecondLook::Moving,
    }
}

/// Why a win without a row has none, as MySQL tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rowless {
    /// A row of another user has its coupon.
    pub(super) elsewhere: bool,
    /// What its dead letter says.
    pub(super) explained: Option<Explained>,
    /// A row of another coupon has its number, or its user's place.
    pub(super) taken: bool,
}

impl Rowless {
    /// What that comes to. A dead letter explains: what stands in a win's way is its reason.
    pub(super) fn kind(self) -> Kind {
        if self.elsewhere {
            Kind::UserDiffers
        } else if let Some(explained) = self.explained {
            match explained {
                Explained::Waits => Kind::DeadLettered,
                Explained::GivenUp => Kind::GivenUp,
            }
        } else if self.taken {
            Kind::RowTaken
        } else {
            Kind::RowMissing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::coupon::CouponState;
    use contract::ids::{Attempt, CouponId};

    fn win(sequence: u64) -> Win {
        Win {
            coupon: CouponId::from_bytes(u128::from(sequence).to_be_bytes()),
            sequence,
            attempt: Attempt::NONE,
            issued_at_ms: 1_700_000_000_123,
            quantity: 1,
            nth: 1,
            state: CouponState::Issued,
            revision: 1,
        }
    }

    fn returned(sequence: u64) -> Win {
        Win { state: CouponState::Returned, revision: 2, ..win(sequence) }
    }

    #[test]
    fn a_row_that_says_the_same_fits() {
        let rows = [win(1), win(2)];
        assert_eq!(fit(&win(2), &rows), Fit::Same(&rows[1]));
        // Only what a client or an operator could notice counts.
        let other = Win { issued_at_ms: 7, attempt: Attempt::from_key(b"key"), ..win(2) };
        assert_eq!(fit(&other, &rows), Fit::Same(&rows[1]));
        assert_eq!(fit(&win(3), &rows), Fit::NoRow);
    }

    #[test]
    fn each_field_that_differs_is_named() {
        let row = win(1);
        let cases = [
            (Win { sequence: 9, ..row }, Kind::SequenceDiffers),
            (Win { nth: 2, ..row }, Kind::NthDiffers),
            (Win { quantity: 2, ..row }, Kind::QuantityDiffers),
        ];
        for (win, kind) in cases {
            assert_eq!(fit(&win, &[row]), Fit::Differs(&row, kind));
        }
        let revoked = Win { state: CouponState::Revoked, ..row };
        assert_eq!(fit(&revoked, &[row]), Fit::Unsettled(&row, Kind::StateDiffers));
        let raised = Win { revision: 2, ..row };
        assert_eq!(fit(&raised, &[row]), Fit::Unsettled(&row, Kind::RevisionDiffers));
    }

    #[test]
    fn only_a_win_that_stood_still_is_stuck() {
        let first = win(1);
        let look = |now: &[Win], rows: &[Win]| second_look(&first, now, rows);
        assert_eq!(look(&[returned(1)], &[returned(1)]), SecondLook::Settled);
        assert_eq!(look(&[win(1)], &[returned(1)]), SecondLook::Stuck(Kind::StateDiffers));
        // It was returned, and something came after that.
        let revoked = Win { state: CouponState::Revoked, revision: 3, ..win(1) };
        assert_eq!(look(&[returned(1)], &[revoked]), SecondLook::Moving);
        assert_eq!(look(&[], &[returned(1)]), SecondLook::Moving);
    }

    #[test]
    fn a_win_without_a_row_has_its_reason() {
        let none = Rowless { elsewhere: false, explained: None, taken: false };
        assert_eq!(none.kind(), Kind::RowMissing);
        assert_eq!(Rowless { taken: true, ..none }.kind(), Kind::RowTaken);
        let waits = Rowless { taken: true, explained: Some(Explained::Waits), ..none };
        assert_eq!(waits.kind(), Kind::DeadLettered);
        let given_up = Rowless { explained: Some(Explained::GivenUp), ..waits };
        assert_eq!(given_up.kind(), Kind::GivenUp);
        assert_eq!(Rowless { elsewhere: true, ..none }.kind(), Kind::UserDiffers);
    }
}
