//! What a rush has come to so far, for the progress line. It counts only what the history has.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::ids::CouponId;
use hdrhistogram::Histogram;

use super::answer::{Meaning, meaning};
use super::recorder::Entry;

/// The longest latency that is told apart, in microseconds; a longer one counts as this.
const MAX_LATENCY_US: u64 = 60_000_000;
/// Significant digits of the progress line's percentiles.
const DIGITS: u8 = 2;

/// Counters of a running rush; shared between the writer of the history and the progress line.
#[derive(Debug)]
pub struct Live {
    totals: Mutex<Totals>,
}

#[derive(Debug)]
struct Totals {
    figures: Figures,
    told: HashSet<CouponId>,
    latency: Histogram<u64>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests written to the history.
    pub sent: u64,
    /// Different coupons that users were told of.
    pub told: u64,
    /// Answers that said sold out.
    pub sold_out: u64,
    /// Definite answers of other kinds.
    pub refused: u64,
    /// Requests that had to be asked again: 429, 5xx, lost.
    pub again: u64,
    /// Median latency of a definite answer, microseconds.
    pub p50_us: u64,
    /// 99th percentile of the same.
    pub p99_us: u64,
    /// Rows that MySQL had when last asked.
    pub persisted: u64,
}

impl Live {
    /// Nothing has happened.
    pub fn new() -> Self {
        let latency = Histogram::new_with_max(MAX_LATENCY_US, DIGITS)
            .expect("two digits up to a minute are within what a histogram can hold");
        Self {
            totals: Mutex::new(Totals {
                figures: Figures::default(),
                told: HashSet::new(),
                latency,
            }),
        }
    }

    /// The counters now.
    pub fn figures(&self) -> Figures {
        let totals = self.lock();
        Figures {
            told: totals.told.len() as u64,
            p50_us: totals.latency.value_at_quantile(0.5),
            p99_us: totals.latency.value_at_quantile(0.99),
            ..totals.figures
        }
    }

    /// Counts what was written to the history.
    pub(super) fn count(&self, entries: &[Entry]) {
        let mut totals = self.lock();
        for entry in entries {
            totals.count(entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        // Counters stay usable after a panic elsewhere.
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Totals {
    fn count(&mut self, entry: &Entry) {
        let figures = &mut self.figures;
        match entry {
            Entry::Asked { .. } => figures.sent += 1,
            Entry::Lost { .. } => figures.again += 1,
            Entry::Persisted { rows, .. } => figures.persisted = *rows,
            Entry::Operated(_) => {}
            Entry::Answered { answer, took_us, .. } => {
                match meaning(answer.status, answer.code) {
                    Meaning::AskAgain => {
                        figures.again += 1;
                        return;
                    }
                    Meaning::SoldOut => figures.sold_out += 1,
                    Meaning::Refused => figures.refused += 1,
                    Meaning::Won => {
                        let coupons = answer.coupons.iter().map(|told| told.coupon);
                        self.told.extend(coupons);
                    }
                }
                self.latency.saturating_record(*took_us);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::answer::{Answer, ISSUED, SOLD_OUT};
    use crate::rush::line::{Lost, ToldCoupon};

    fn answered(status: u16, code: &'static str, coupons: Vec<ToldCoupon>) -> Entry {
        Entry::Answered {
            request: 1,
            at_us: 10,
            took_us: 1_000,
            answer: Answer { status, code, coupons, retry_after_ms: None },
        }
    }

    #[test]
    fn a_coupon_told_twice_counts_once() {
        let won = vec![ToldCoupon { coupon: CouponId::new(), sequence: 1 }];
        let live = Live::new();
        live.count(&[
            answered(200, ISSUED, won.clone()),
            answered(200, ISSUED, won),
            answered(409, SOLD_OUT, Vec::new()),
            answered(503, "busy", Vec::new()),
            Entry::Lost { request: 2, at_us: 11, why: Lost::TimedOut },
            Entry::Persisted { at_us: 12, rows: 1 },
        ]);
        let figures = live.figures();
        assert_eq!((figures.told, figures.sold_out), (1, 1));
        assert_eq!((figures.again, figures.persisted), (2, 1));
        assert!((990..=1_010).contains(&figures.p50_us), "{figures:?}");
    }
}
