//! When sold out was told, in few words: a rush has millions of such answers.

use std::collections::BTreeMap;

/// Answers that arrived within one such span are one, the one that was asked last.
const SPAN_US: u64 = 1_000;

/// An answer that said sold out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoldOut {
    /// When it was asked.
    pub asked_us: u64,
    /// When it had arrived.
    pub told_us: u64,
}

/// Answers that said sold out; of each millisecond the one that was asked last, which proves most.
#[derive(Debug, Clone, Default)]
pub struct SoldOuts {
    first: Option<SoldOut>,
    spans: BTreeMap<u64, SoldOut>,
}

impl SoldOuts {
    /// Notes one.
    pub(super) fn note(&mut self, sold_out: SoldOut) {
        if self.first.is_none_or(|first| sold_out.told_us < first.told_us) {
            self.first = Some(sold_out);
        }
        let kept = self.spans.entry(sold_out.told_us / SPAN_US).or_insert(sold_out);
        if sold_out.asked_us > kept.asked_us {
            *kept = sold_out;
        }
    }

    /// When the first had arrived.
    pub fn first_told_us(&self) -> Option<u64> {
        self.first.map(|first| first.told_us)
    }

    /// When the last was asked.
    pub fn last_asked_us(&self) -> Option<u64> {
        self.spans.values().map(|sold_out| sold_out.asked_us).max()
    }

    /// Those that prove most, by when they had arrived.
    pub fn telling(&self) -> impl Iterator<Item = SoldOut> {
        self.first.into_iter().chain(self.spans.values().copied())
    }

    /// For each moment, the answer that was asked last of those that had arrived: by that moment,
    /// with when it was asked and when it had arrived.
    pub(super) fn frontier(&self) -> Vec<SoldOut> {
        let mut frontier: Vec<SoldOut> = Vec::new();
        for sold_out in self.telling() {
            if frontier.last().is_none_or(|last| sold_out.asked_us > last.asked_us) {
                frontier.push(sold_out);
            }
        }
        frontier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(asked_us: u64, told_us: u64) -> SoldOut {
        SoldOut { asked_us, told_us }
    }

    #[test]
    fn of_a_millisecond_the_last_asked_is_kept_and_the_first_of_all() {
        let mut all = SoldOuts::default();
        for sold_out in [at(300, 460), at(400, 450), at(10, 470), at(900, 2_500)] {
            all.note(sold_out);
        }
        assert_eq!(all.first_told_us(), Some(450));
        assert_eq!(all.last_asked_us(), Some(900));
        let telling: Vec<_> = all.telling().collect();
        assert_eq!(telling, [at(400, 450), at(400, 450), at(900, 2_500)]);
    }

    #[test]
    fn the_frontier_only_grows() {
        let mut all = SoldOuts::default();
        for sold_out in [at(400, 450), at(100, 5_000), at(6_000, 7_000)] {
            all.note(sold_out);
        }
        assert_eq!(all.frontier(), [at(400, 450), at(6_000, 7_000)]);
    }
}
