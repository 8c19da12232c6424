//! Sold out from memory: what was told a moment ago holds for a moment.

use std::time::Duration;

use tokio::time::Instant;

/// From the sending of the call whose answer was told. New units go on sale 200 ms after their
/// shard stops saying sold out, so nobody says it from memory by then.
pub(super) const HOLDS_FOR: Duration = Duration::from_millis(100);
/// From this age on one claim is asked of Redis, to renew the memory, while others still use it.
const RENEWED_FROM: Duration = Duration::from_millis(50);

/// Where an edge learns that nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedOf {
    /// Of what was told a moment ago.
    Memory,
    /// Of the shard, for each claim.
    Redis,
}

/// What one core remembers of one event.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: Option<SoldOut>,
    /// Whether somebody was sent to renew it.
    renewing: bool,
}

/// A sold-out answer that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SoldOut {
    /// When its call was sent.
    pub(super) sent: Instant,
    /// The epoch that it was given in.
    pub(super) epoch: u64,
    /// The highest sequence number given by then.
    pub(super) sequence: u64,
}

impl Memory {
    /// What is remembered at `now`. One caller is told nothing although something is: its claim
    /// renews the memory.
    pub(super) fn recall(&mut self, now: Instant) -> Option<SoldOut> {
        let last = self.last?;
        let age = now.saturating_duration_since(last.sent);
        if age >= HOLDS_FOR {
            self.last = None;
            return None;
        }
        if age >= RENEWED_FROM && !self.renewing {
            self.renewing = true;
            return None;
        }
        Some(last)
    }

    /// Sold out was told. Never before that: what is only believed may be an old master's.
    pub(super) fn remember(&mut self, told: SoldOut) {
        if self.last.is_none_or(|last| last.sent < told.sent) {
            *self = Self { last: Some(told), renewing: false };
        }
    }

    /// A call that was sent at `sent` was told something else.
    pub(super) fn forget(&mut self, sent: Instant) {
        if self.last.is_some_and(|last| last.sent < sent) {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sent: Instant) -> SoldOut {
        SoldOut { sent, epoch: 1, sequence: 100 }
    }

    #[test]
    fn nothing_is_remembered_that_was_not_told() {
        assert_eq!(Memory::default().recall(Instant::now()), None);
    }

    #[test]
    fn it_holds_from_the_sending_and_one_caller_renews_it() {
        let sent = Instant::now();
        let mut memory = Memory::default();
        memory.remember(told(sent));
        assert_eq!(memory.recall(sent + RENEWED_FROM / 2), Some(told(sent)));
        assert_eq!(memory.recall(sent + RENEWED_FROM), None, "the renewal");
        assert_eq!(memory.recall(sent + RENEWED_FROM), Some(told(sent)));
        assert_eq!(memory.recall(sent + HOLDS_FOR), None);
        assert_eq!(memory.recall(sent + RENEWED_FROM), None, "over is over");
    }

    #[test]
    fn each_renewal_allows_the_next() {
        let sent = Instant::now();
        let mut memory = Memory::default();
        memory.remember(told(sent));
        let renewal = sent + RENEWED_FROM;
        assert_eq!(memory.recall(renewal), None);
        memory.remember(told(renewal));
        assert_eq!(memory.recall(sent + HOLDS_FOR - Duration::from_millis(1)), Some(told(renewal)));
        assert_eq!(memory.recall(renewal + RENEWED_FROM), None, "the next renewal");
    }

    #[test]
    fn only_later_calls_change_it() {
        let sent = Instant::now();
        let later = sent + Duration::from_millis(1);
        let mut memory = Memory::default();
        memory.remember(told(later));
        memory.remember(told(sent));
        memory.forget(sent);
        assert_eq!(memory.recall(later), Some(told(later)));
        memory.forget(later + Duration::from_millis(1));
        assert_eq!(memory.recall(later), None);
    }
}
