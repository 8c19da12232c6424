//! Pauses between tries: doubled with each failure in a row, with full jitter, without end.

use std::time::Duration;

/// The longest first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause of all: how late at most a healed server is found.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Counts the failures in a row of one thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It worked; returns how often in a row it had not.
    pub fn reset(&mut self) -> u32 {
        std::mem::take(&mut self.failures)
    }

    /// Whether the last try failed: more of the same is no news.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// It failed; how long to wait before the next try: anything up to the bound, so that those
    /// who failed together do not come back together.
    pub fn failed(&mut self) -> Duration {
        let bound = bound(self.failures);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(rand::random_range(0.0..=1.0))
    }
}

fn bound(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_to_the_longest() {
        let bounds: Vec<u128> = (0..7).map(|failures| bound(failures).as_millis()).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1_600, 3_000, 3_000]);
        assert_eq!(bound(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn pauses_stay_within_their_bound_and_begin_again_after_success() {
        let mut backoff = Backoff::default();
        for failures in 0..20 {
            assert!(backoff.failed() <= bound(failures));
        }
        assert!(backoff.is_failing());
        assert_eq!(backoff.reset(), 20);
        assert!(!backoff.is_failing());
        assert!(backoff.failed() <= FIRST_PAUSE);
    }
}
