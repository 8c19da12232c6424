//! How old the oldest record of each partition is that is not in MySQL.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::topics::COUPON_ISSUED_PARTITIONS;

/// No record waits, or nobody has looked.
const NONE: i64 = i64::MIN;

/// When the oldest unread record of each partition was produced, by its producer's clock. It stays
/// where reading fails, so the age grows by itself.
#[derive(Debug)]
pub struct Unread(Vec<AtomicI64>);

impl Default for Unread {
    fn default() -> Self {
        Self((0..COUPON_ISSUED_PARTITIONS).map(|_| AtomicI64::new(NONE)).collect())
    }
}

impl Unread {
    /// The oldest unread record is of that time in Unix milliseconds; None: all are read.
    pub fn note(&self, part: i32, oldest_ms: Option<i64>) {
        let slot = usize::try_from(part).ok().and_then(|part| self.0.get(part));
        if let Some(slot) = slot {
            slot.store(oldest_ms.unwrap_or(NONE), Ordering::Relaxed);
        }
    }

    /// Somebody else reads from now on.
    pub fn forget(&self) {
        self.0.iter().for_each(|slot| slot.store(NONE, Ordering::Relaxed));
    }

    /// Each partition with its oldest unread record's age; 0 where all are read, or where a clock is
    /// ahead of ours.
    pub fn ages(&self, now_ms: i64) -> impl Iterator<Item = (i32, Duration)> {
        let age = move |slot: &AtomicI64| match slot.load(Ordering::Relaxed) {
            NONE => Duration::ZERO,
            oldest => {
                let ms = u64::try_from(now_ms.saturating_sub(oldest)).unwrap_or(0);
                Duration::from_millis(ms)
            }
        };
        (0..).zip(self.0.iter().map(age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_grows_until_all_is_read() {
        let unread = Unread::default();
        let ages = |now_ms| -> Vec<u128> {
            unread.ages(now_ms).map(|(_, age)| age.as_millis()).take(3).collect()
        };
        assert_eq!(ages(1_000), [0, 0, 0]);
        unread.note(1, Some(400));
        unread.note(2, Some(9_000));
        assert_eq!(ages(1_000), [0, 600, 0], "a clock that is ahead makes no age");
        assert_eq!(ages(2_000), [0, 1_600, 0]);
        unread.note(1, None);
        assert_eq!(ages(9_500), [0, 0, 500]);
        unread.forget();
        assert_eq!(ages(9_500), [0, 0, 0]);
        // Not one of ours.
        unread.note(COUPON_ISSUED_PARTITIONS, Some(1));
    }
}
