//! The books: every coupon that was told is a row, on its way, at the dead-letter desk, or given up
//! by an operator. What is none of these is lost.

use std::fmt;

use super::evidence::Evidence;

/// What became of the coupons that were told; each counts once, for the first that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    /// All of them.
    pub told: u64,
    /// They have a row.
    pub rows: u64,
    /// Their dead letter waits.
    pub dead_lettered: u64,
    /// An operator gave them up.
    pub given_up: u64,
    /// Redis has them: their record stands in the outbox or in Kafka.
    pub in_flight: u64,
    /// Nobody has them.
    pub lost: u64,
}

impl Books {
    /// Whether every coupon that was told is accounted for.
    pub fn close(&self) -> bool {
        self.lost == 0
    }

    /// Whether there is more to say than that all have rows.
    pub fn tell(&self) -> bool {
        self.rows < self.told
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { told, rows, in_flight, dead_lettered, given_up, lost } = self;
        write!(
            f,
            "books: told {told} = rows {rows} + in flight {in_flight} + dead-lettered \
             {dead_lettered} + given up {given_up}"
        )?;
        if *lost > 0 { write!(f, "; {lost} are nowhere") } else { Ok(()) }
    }
}

/// Accounts for every coupon that was told.
pub(super) fn books(evidence: &Evidence<'_>) -> Books {
    let mut books = Books::default();
    for told in evidence.told() {
        books.told += 1;
        let place = if evidence.row(told.coupon).is_some() {
            &mut books.rows
        } else if evidence.is_given_up(told.coupon) {
            &mut books.given_up
        } else if evidence.is_dead_lettered(told.coupon) {
            &mut books.dead_lettered
        } else if evidence.win(told.coupon).is_some() {
            &mut books.in_flight
        } else {
            &mut books.lost
        };
        *place += 1;
    }
    books
}
