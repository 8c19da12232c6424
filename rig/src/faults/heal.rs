//! Time to heal, read from a history: for how long, from the fault on, nobody new was told a win,
//! and no row came.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use contract::ids::CouponId;

use crate::rush::line::{self, Line};

/// The longest silences from the fault on, and the longest wait. `None` where nothing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Silence {
    /// From the fault, or from a new win that was told, to the next one.
    pub wins: Option<Duration>,
    /// The same of rows that MySQL was seen to have; it is looked at twice a second.
    pub rows: Option<Duration>,
    /// From a claim's first request to its first definite answer, of all claims the longest: a
    /// fault that leaves others alone is seen here only.
    pub wait: Option<Duration>,
}

/// Reads a history for a fault at this time of it; how long claims waited, the checker's reading
/// of it tells ([`Timing::longest_wait`](crate::check::timing::Timing::longest_wait)).
pub fn silence(history: &Path, struck: Duration) -> io::Result<Silence> {
    let mut times = Times::default();
    for text in BufReader::new(File::open(history)?).lines() {
        times.take(&text?);
    }
    let struck_us = u64::try_from(struck.as_micros()).unwrap_or(u64::MAX);
    Ok(Silence {
        wins: longest(struck_us, times.wins_us),
        rows: longest(struck_us, times.rows_us),
        wait: None,
    })
}

/// When something new was seen.
#[derive(Default)]
struct Times {
    told: HashSet<CouponId>,
    wins_us: Vec<u64>,
    rows: u64,
    rows_us: Vec<u64>,
}

impl Times {
    /// A line that was cut short tells nothing; the checker judges the history.
    fn take(&mut self, text: &str) {
        match line::parse(text) {
            Ok(Line::Answered { at_us, coupons, .. }) => {
                let fresh = coupons.into_iter().filter(|told| self.told.insert(told.coupon));
                self.wins_us.extend(fresh.map(|_| at_us));
            }
            Ok(Line::Persisted { at_us, rows }) if rows > self.rows => {
                self.rows = rows;
                self.rows_us.push(at_us);
            }
            _ => {}
        }
    }
}

fn longest(struck_us: u64, mut times_us: Vec<u64>) -> Option<Duration> {
    times_us.sort_unstable();
    let after = times_us.into_iter().filter(|&at_us| at_us > struck_us);
    let mut before = struck_us;
    let gaps = after.map(|at_us| at_us - std::mem::replace(&mut before, at_us));
    gaps.max().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_counted_from_the_fault_to_something_new() {
        let coupon = CouponId::new();
        let mut times = Times::default();
        for text in [
            format!("A\t1\t1000\t200\tissued\t{coupon},1"),
            format!("A\t2\t9000\t200\talready_issued\t{coupon},1"),
            format!("A\t3\t5000\t200\tissued\t{},2", CouponId::new()),
            "A\t4\t6000\t409\tsold_out\t-".to_owned(),
            "P\t2000\t1".to_owned(),
            "P\t7000\t1".to_owned(),
            "P\t8000\t2".to_owned(),
            "nonsense".to_owned(),
        ] {
            times.take(&text);
        }
        assert_eq!(times.wins_us, [1_000, 5_000]);
        assert_eq!(times.rows_us, [2_000, 8_000]);
    }

    #[test]
    fn the_longest_gap_counts_and_none_where_nothing_came() {
        let us = |us| Some(Duration::from_micros(us));
        assert_eq!(longest(10, vec![5, 40, 30, 41]), us(20));
        assert_eq!(longest(10, vec![5, 100]), us(90));
        assert_eq!(longest(10, vec![5]), None);
    }
}
