//! How fast an event's claims are answered on one core, so that one which would wait too long is
//! turned away at once: its client learns when to come back instead of running into the deadline.
//!
//! Nothing that was handed in is turned away, so whatever is granted can be told.

use std::cell::Cell;
use std::time::Duration;

use contract::claim_script::MAX_CLAIMS;

/// The longest wait that is begun: half of a claim's deadline, since a call may take longer than
/// those before it.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How much the last call counts: one part in so many.
const WEIGHT: u32 = 4;

/// What a call takes lately.
#[derive(Debug, Default)]
pub(super) struct Pace(Cell<Duration>);

impl Pace {
    /// A call took so long, tries again included.
    pub(super) fn note(&self, took: Duration) {
        let before = self.0.get();
        let now = if before.is_zero() { took } else { before - before / WEIGHT + took / WEIGHT };
        self.0.set(now);
    }

    /// Whether one more would wait too long behind so many. Where less than a call waits, never: so
    /// it is found out that a shard is fast again.
    pub(super) fn is_too_slow_behind(&self, waiting: usize) -> bool {
        let calls = u32::try_from(waiting / MAX_CLAIMS).unwrap_or(u32::MAX);
        self.0.get().saturating_mul(calls) > MAX_WAIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::MAX_WAITING;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_fast_shard_takes_all_that_the_queue_holds() {
        let pace = Pace::default();
        assert!(!pace.is_too_slow_behind(MAX_WAITING));
        pace.note(ms(5));
        assert!(!pace.is_too_slow_behind(MAX_WAITING));
    }

    #[test]
    fn a_slow_shard_takes_as_many_as_it_can_answer_in_time_and_always_a_call() {
        let pace = Pace::default();
        pace.note(ms(300));
        assert!(!pace.is_too_slow_behind(3 * MAX_CLAIMS));
        assert!(pace.is_too_slow_behind(4 * MAX_CLAIMS));
        pace.note(ms(60_000));
        assert!(!pace.is_too_slow_behind(MAX_CLAIMS - 1));
        assert!(pace.is_too_slow_behind(MAX_CLAIMS));
    }

    #[test]
    fn a_shard_that_is_fast_again_is_soon_believed() {
        let pace = Pace::default();
        pace.note(ms(2_000));
        for _ in 0..20 {
            pace.note(ms(5));
        }
        assert!(!pace.is_too_slow_behind(MAX_WAITING));
    }
}
