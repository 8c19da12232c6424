//! When those who were turned away should come back: spread so that they fit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Rate;

/// The shortest spread: a client's own jitter is no better.
pub(super) const LEAST: Duration = Duration::from_secs(1);
/// The longest: whoever waits longer has gone away.
const MOST: Duration = Duration::from_secs(30);

/// Counts who is turned away, by the second. A number that two threads count at once may be off by
/// some: it is a guess at how many there are.
pub(super) struct Spread {
    rate: Rate,
    began: Instant,
    second: AtomicU64,
    now: AtomicU64,
    before: AtomicU64,
}

impl Spread {
    pub(super) fn new(rate: Rate) -> Self {
        let [second, now, before] = [0; 3].map(AtomicU64::new);
        Self { rate, began: Instant::now(), second, now, before }
    }

    /// Counts one more, and tells over how long all of them should come back.
    pub(super) fn turned_away(&self) -> Duration {
        self.count(self.began.elapsed().as_secs());
        let crowd = self.now.load(Ordering::Relaxed).max(self.before.load(Ordering::Relaxed));
        over(crowd, self.rate)
    }

    fn count(&self, second: u64) {
        let last = self.second.swap(second, Ordering::Relaxed);
        if second != last {
            let counted = self.now.swap(0, Ordering::Relaxed);
            let before = if second == last + 1 { counted } else { 0 };
            self.before.store(before, Ordering::Relaxed);
        }
        self.now.fetch_add(1, Ordering::Relaxed);
    }
}

/// As long as it takes to serve them all.
fn over(crowd: u64, rate: Rate) -> Duration {
    Duration::from_secs(crowd / u64::from(rate.per_second.get())).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate() -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate { per_second: number(100), burst: number(100) }
    }

    #[test]
    fn a_crowd_comes_back_over_as_long_as_it_takes_to_serve_it() {
        assert_eq!(over(1, rate()), LEAST);
        assert_eq!(over(700, rate()), Duration::from_secs(7));
        assert_eq!(over(1_000_000, rate()), MOST);
    }

    #[test]
    fn who_was_turned_away_is_counted_by_the_second() {
        let spread = Spread::new(rate());
        let counted =
            || (spread.now.load(Ordering::Relaxed), spread.before.load(Ordering::Relaxed));
        (0..5).for_each(|_| spread.count(3));
        assert_eq!(counted(), (5, 0));
        spread.count(4);
        assert_eq!(counted(), (1, 5));
        spread.count(9);
        assert_eq!(counted(), (1, 0));
    }
}
