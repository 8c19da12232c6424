//! A set of numbers of an event, small in memory: a bit each.

use std::collections::HashMap;

/// Numbers that one block holds.
const BLOCK: u64 = 65_536;
/// Bits of a word.
const WORD: u64 = 64;
/// Words of a block.
const WORDS: usize = (BLOCK / WORD) as usize;

/// A set of numbers. A million in a row take 125 KB; far apart, one takes 8 KB.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    blocks: HashMap<u64, Box<[u64; WORDS]>>,
}

impl Sequences {
    /// Adds a number; returns whether it is new.
    pub(super) fn insert(&mut self, sequence: u64) -> bool {
        let block = self.blocks.entry(sequence / BLOCK).or_insert_with(|| Box::new([0; WORDS]));
        let (word, bit) = place(sequence);
        let new = block[word] & bit == 0;
        block[word] |= bit;
        new
    }

    /// Whether a number is in it.
    pub(super) fn contains(&self, sequence: u64) -> bool {
        let (word, bit) = place(sequence);
        self.blocks.get(&(sequence / BLOCK)).is_some_and(|block| block[word] & bit != 0)
    }
}

/// Word and bit within a block.
fn place(sequence: u64) -> (usize, u64) {
    let within = sequence % BLOCK;
    ((within / WORD) as usize, 1 << (within % WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_near_and_far() {
        let mut set = Sequences::default();
        let numbers = [0, 1, 63, 64, 65_535, 65_536, 1_000_000, u64::MAX];
        for number in numbers {
            assert!(!set.contains(number), "{number}");
            assert!(set.insert(number), "{number}");
            assert!(!set.insert(number), "{number}");
        }
        for number in numbers {
            assert!(set.contains(number), "{number}");
        }
        for number in [2, 62, 66, 65_537, 999_999, u64::MAX - 1] {
            assert!(!set.contains(number), "{number}");
        }
    }
}
