//! What is drawn from a seed: the order of kinds, and each round's own seed.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::kind::Kind;

/// Deals kinds: each once in a drawn order, then each once more in another one.
#[derive(Debug)]
pub struct Deal {
    kinds: Vec<&'static Kind>,
    left: Vec<&'static Kind>,
    seed: u64,
    round: u64,
    chance: SmallRng,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Deal {
    /// Deals these kinds, of which there is one at least.
    pub fn new(kinds: Vec<&'static Kind>, seed: u64) -> Self {
        Self { kinds, left: Vec::new(), seed, round: 0, chance: SmallRng::seed_from_u64(seed) }
    }

    /// The next round's kind and seed. The first round's seed is the run's own, so that one round
    /// can be played again.
    pub fn next_round(&mut self) -> Option<(&'static Kind, u64)> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
            self.left.shuffle(&mut self.chance);
        }
        let kind = self.left.pop()?;
        let seed = if self.round == 0 { self.seed } else { u64::from(self.chance.random::<u32>()) };
        self.round += 1;
        Some((kind, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;

    #[test]
    fn every_kind_is_dealt_once_before_any_comes_again() {
        let count = kind::all().count();
        let deal = |seed| {
            let mut deal = Deal::new(kind::all().collect(), seed);
            let rounds = std::iter::from_fn(|| deal.next_round()).take(2 * count);
            rounds.map(|(kind, seed)| (kind.name, seed)).collect::<Vec<_>>()
        };
        let dealt = deal(7);
        let (first, second) = dealt.split_at(count);
        for half in [first, second] {
            let names: std::collections::HashSet<_> = half.iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), count);
        }
        assert_eq!(dealt[0].1, 7);
        assert_eq!(dealt, deal(7));
        assert_ne!(dealt, deal(8));
    }
}
