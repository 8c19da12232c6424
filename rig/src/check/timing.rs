//! How long a rush took, from the times in its history.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::rush::answer::Meaning;

/// The longest time that is told apart, in microseconds; a longer one counts as this.
const MAX_US: u64 = 3_600_000_000;
/// Significant digits of percentiles.
const DIGITS: u8 = 3;

/// How long a rush took.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Requests.
    pub requests: u64,
    /// Requests that had to be asked again: 429, 5xx, lost.
    pub again: u64,
    /// Answers that named a coupon, microseconds from asking to answer.
    pub won: Histogram<u64>,
    /// Answers that said sold out.
    pub sold_out: Histogram<u64>,
    /// Other definite answers.
    pub refused: Histogram<u64>,
    /// From a claim's first request to its first definite answer, waits and lost ones included.
    pub settled: Histogram<u64>,
    first_asked_us: Option<u64>,
    last_settled_us: u64,
    last_told_us: Option<u64>,
    rows: u64,
    last_row_us: Option<u64>,
}

impl Default for Timing {
    fn default() -> Self {
        let empty = Histogram::new_with_max(MAX_US, DIGITS)
            .expect("three digits up to an hour are within what a histogram can hold");
        Self {
            requests: 0,
            again: 0,
            won: empty.clone(),
            sold_out: empty.clone(),
            refused: empty.clone(),
            settled: empty,
            first_asked_us: None,
            last_settled_us: 0,
            last_told_us: None,
            rows: 0,
            last_row_us: None,
        }
    }
}

impl Timing {
    pub(super) fn asked(&mut self, at_us: u64) {
        self.requests += 1;
        self.first_asked_us = Some(self.first_asked_us.unwrap_or(at_us).min(at_us));
    }

    pub(super) fn answered(&mut self, meaning: Meaning, took_us: u64) {
        match meaning {
            Meaning::Won => self.won.saturating_record(took_us),
            Meaning::SoldOut => self.sold_out.saturating_record(took_us),
            Meaning::Refused => self.refused.saturating_record(took_us),
            Meaning::AskAgain => {}
        }
    }

    pub(super) fn settled(&mut self, first_asked_us: u64, at_us: u64) {
        self.settled.saturating_record(at_us.saturating_sub(first_asked_us));
        self.last_settled_us = self.last_settled_us.max(at_us);
    }

    pub(super) fn told(&mut self, last_us: Option<u64>) {
        self.last_told_us = last_us;
    }

    pub(super) fn persisted(&mut self, at_us: u64, rows: u64) {
        if rows > self.rows {
            self.rows = rows;
            self.last_row_us = Some(at_us);
        }
    }

    /// The longest time from a claim's first request to its first definite answer.
    pub fn longest_wait(&self) -> Option<Duration> {
        (!self.settled.is_empty()).then(|| Duration::from_micros(self.settled.max()))
    }

    /// All definite answers.
    pub fn answers(&self) -> Histogram<u64> {
        let mut all = self.won.clone();
        for more in [&self.sold_out, &self.refused] {
            all.add(more).expect("all have the same bounds");
        }
        all
    }

    /// Claims that got a definite answer, per second from the first request of all to the last of
    /// these answers. A request that repeats an answer does not count.
    pub fn claims_per_s(&self) -> f64 {
        let span_us = self.last_settled_us.saturating_sub(self.first_asked_us.unwrap_or(0));
        if span_us == 0 {
            return 0.0;
        }
        self.settled.len() as f64 * 1e6 / span_us as f64
    }

    /// Seconds from the last win that was told to the last row that MySQL was seen to have; 0 where
    /// the row came first. `None` where nothing was won or no rows were watched.
    pub fn last_row_s(&self) -> Option<f64> {
        let behind_us = self.last_row_us?.saturating_sub(self.last_told_us?);
        Some(behind_us as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_delays_come_from_the_times() {
        let mut timing = Timing::default();
        timing.asked(1_000_000);
        timing.asked(1_200_000);
        timing.settled(1_000_000, 2_000_000);
        timing.settled(1_200_000, 3_000_000);
        timing.told(Some(2_500_000));
        assert_eq!(timing.last_row_s(), None);
        for (at_us, rows) in [(2_600_000, 1), (2_750_000, 2), (2_900_000, 2)] {
            timing.persisted(at_us, rows);
        }
        assert!((timing.claims_per_s() - 1.0).abs() < 1e-9);
        let wait = timing.longest_wait().unwrap();
        assert!((1.799..1.802).contains(&wait.as_secs_f64()), "{wait:?}");
        assert_eq!(timing.last_row_s(), Some(0.25));
    }

    #[test]
    fn nothing_settled_is_no_rate() {
        assert!(Timing::default().claims_per_s().abs() < f64::EPSILON);
        assert_eq!(Timing::default().longest_wait(), None);
    }
}
