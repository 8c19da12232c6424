//! What operators and the leader did, as far as it moves units: when units may have come back, and
//! when a coupon may have stopped being held.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use contract::ids::CouponId;

use super::snapshot::Rearm;
use crate::rush::operation::{Operated, Operation};

/// An answer may say sold out from memory for so long after the call that had said so was sent.
pub(super) const SOLD_OUT_MEMORY_US: u64 = 100_000;
/// The database's clock and the history's may differ by so much.
const CLOCK_SLACK_US: u64 = 1_000_000;

/// Units that may have gone on sale, at some moment of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addition {
    /// Not before this.
    pub(super) from_us: u64,
    /// Not after this.
    pub(super) to_us: u64,
    /// How many; `None`: nobody can say.
    pub(super) units: Option<u64>,
}

/// What is known of units that moved.
#[derive(Debug, Default)]
pub(super) struct Operations {
    additions: Vec<Addition>,
    /// What gave a coupon's unit back first.
    units_back: HashMap<CouponId, Operated>,
    /// What gave its user's place back.
    places_back: HashMap<CouponId, Operated>,
    topped_up: u64,
    all: Vec<Operated>,
}

impl Operations {
    /// Those of a history that began at `began_ms`, and the armings after the first.
    pub(super) fn new(operated: &[Operated], rearms: &[Rearm], began_ms: u64) -> Self {
        let mut operations = Self { all: operated.to_vec(), ..Self::default() };
        for one in operated {
            let units = match one.operation {
                Operation::TopUp(units) => {
                    operations.topped_up += units;
                    units
                }
                Operation::Return(coupon) | Operation::Withdraw(coupon) => {
                    if matches!(one.operation, Operation::Return(_)) {
                        operations.places_back.insert(coupon, *one);
                    }
                    match operations.units_back.entry(coupon) {
                        // Its unit came back when it was withdrawn.
                        Entry::Occupied(_) => continue,
                        Entry::Vacant(first) => first.insert(*one),
                    };
                    1
                }
                _ => continue,
            };
            operations.add(one.begun_us, one.surely_us(), Some(units));
        }
        for rearm in rearms.iter().filter(|rearm| rearm.epoch > 1) {
            let us = |ms: u64| ms.saturating_sub(began_ms).saturating_mul(1_000);
            let from_us = us(rearm.started_ms).saturating_sub(CLOCK_SLACK_US);
            let to_us = rearm.opened_ms.map_or(u64::MAX, |ms| us(ms) + CLOCK_SLACK_US);
            // It frees wins that nobody was told of, and nobody knows how many those are.
            operations.add(from_us, to_us, None);
        }
        operations.additions.sort_by_key(|addition| addition.from_us);
        operations
    }

    fn add(&mut self, from_us: u64, to_us: u64, units: Option<u64>) {
        self.additions.push(Addition { from_us, to_us, units });
    }

    /// The stock in the end, of so many units at the beginning.
    pub(super) fn stock_in_the_end(&self, begun_with: u64) -> u64 {
        let lowered: u64 = self.all.iter().map(|one| lowered(one.operation)).sum();
        (begun_with + self.topped_up).saturating_sub(lowered)
    }

    /// The most units that there may have been by then, of so many at the beginning.
    pub(super) fn stock_at(&self, at_us: u64, begun_with: u64) -> u64 {
        let mut most = begun_with;
        let mut gone = 0;
        for one in &self.all {
            match one.operation {
                Operation::TopUp(units) if one.begun_us <= at_us => most += units,
                operation if one.surely_us() <= at_us => gone += lowered(operation),
                _ => {}
            }
        }
        most.saturating_sub(gone)
    }

    /// What gave a coupon's unit back.
    pub(super) fn unit_back(&self, coupon: CouponId) -> Option<&Operated> {
        self.units_back.get(&coupon)
    }

    /// What gave a coupon's place back: its user may win another.
    pub(super) fn place_back(&self, coupon: CouponId) -> Option<&Operated> {
        self.places_back.get(&coupon)
    }

    /// When the last addition that may explain a grant at `granted_us` ends at the latest: who was
    /// told sold out by a call of after that was told so although the unit was there. `None`: no
    /// addition can.
    pub(super) fn last_before(&self, granted_us: u64) -> Option<u64> {
        let begun = self.additions.iter().take_while(|addition| addition.from_us <= granted_us);
        begun.map(|addition| addition.to_us).max()
    }

    /// Units that may have come after sold out was told to a request of `asked_us`; `None`: nobody
    /// can say how many.
    pub(super) fn units_after(&self, asked_us: u64) -> Option<u64> {
        let after = self.additions.iter().filter(|addition| addition.to_us >= decided(asked_us));
        after.map(|addition| addition.units).sum()
    }

    /// Spans during which surely nobody new was granted anything: from when a pause or a close had
    /// taken effect until a resume was begun.
    pub(super) fn stopped(&self) -> Vec<(u64, u64)> {
        let mut spans = Vec::new();
        for one in &self.all {
            let resumed = || {
                let resumes = self.all.iter().filter(|other| other.operation == Operation::Resume);
                let later = resumes.map(|other| other.begun_us).filter(|&at| at > one.begun_us);
                later.min().unwrap_or(u64::MAX)
            };
            let until = match one.operation {
                Operation::Pause => resumed(),
                Operation::Close => u64::MAX,
                _ => continue,
            };
            if one.surely_us() < until {
                spans.push((one.surely_us(), until));
            }
        }
        spans
    }
}

fn lowered(operation: Operation) -> u64 {
    match operation {
        Operation::Lower(units) => units,
        _ => 0,
    }
}

/// The earliest moment at which sold out was decided for a request.
pub(super) fn decided(asked_us: u64) -> u64 {
    asked_us.saturating_sub(SOLD_OUT_MEMORY_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begun_us: u64, ended_us: u64, operation: Operation) -> Operated {
        Operated { begun_us, ended_us: Some(ended_us), operation }
    }

    #[test]
    fn stops_last_from_their_end_to_the_next_resume() {
        let operated = [
            at(100, 200, Operation::Pause),
            at(500, 600, Operation::Resume),
            at(900, 950, Operation::Close),
        ];
        let operations = Operations::new(&operated, &[], 0);
        assert_eq!(operations.stopped(), [(200, 500), (950, u64::MAX)]);
        let unknown = Operated { ended_us: None, ..operated[0] };
        assert_eq!(Operations::new(&[unknown], &[], 0).stopped(), []);
    }

    #[test]
    fn a_lowered_stock_is_lower_once_it_is_carried() {
        let operated = [at(10, 20, Operation::TopUp(5)), at(30, 40, Operation::Lower(3))];
        let operations = Operations::new(&operated, &[], 0);
        let stocks = [9, 10, 39, 40].map(|at_us| operations.stock_at(at_us, 100));
        assert_eq!(stocks, [100, 105, 105, 102]);
        assert_eq!(operations.stock_in_the_end(100), 102);
    }

    #[test]
    fn units_are_counted_by_when_they_may_have_come() {
        let coupon = CouponId::from_bytes([7; 16]);
        let operated = [
            at(1_000_000, 1_100_000, Operation::TopUp(5)),
            at(3_000_000, 3_100_000, Operation::Return(coupon)),
        ];
        let operations = Operations::new(&operated, &[], 0);
        assert_eq!(operations.last_before(999_999), None);
        assert_eq!(operations.last_before(2_000_000), Some(1_100_000));
        assert_eq!(operations.units_after(0), Some(6));
        // Told from memory, sold out may be 100 ms old.
        assert_eq!(operations.units_after(1_200_000), Some(6));
        assert_eq!(operations.units_after(1_200_001), Some(1));
        assert_eq!(operations.stock_at(999_999, 10), 10);
        assert_eq!(operations.stock_at(1_000_000, 10), 15);
        let rearm = Rearm { epoch: 2, started_ms: 8_000, opened_ms: Some(9_000) };
        let rearmed = Operations::new(&[], &[rearm], 5_000);
        assert_eq!(rearmed.units_after(0), None);
        assert_eq!(rearmed.last_before(1_999_999), None);
        assert_eq!(rearmed.last_before(2_000_000), Some(5_000_000));
    }

    #[test]
    fn a_unit_comes_back_once_and_the_place_when_it_is_returned() {
        let coupon = CouponId::from_bytes([7; 16]);
        let operated = [
            at(10, 20, Operation::Withdraw(coupon)),
            at(30, 40, Operation::Return(coupon)),
            at(50, 60, Operation::Withdraw(CouponId::from_bytes([8; 16]))),
        ];
        let operations = Operations::new(&operated, &[], 0);
        assert_eq!(operations.units_after(0), Some(2));
        assert_eq!(operations.unit_back(coupon).unwrap().begun_us, 10);
        assert_eq!(operations.place_back(coupon).unwrap().begun_us, 30);
        assert_eq!(operations.place_back(CouponId::from_bytes([8; 16])), None);
    }
}
