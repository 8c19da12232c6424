//! Tokens that were verified, until they expire, so that whoever asks again is known at once.
//!
//! One for all cores: the connections of one client's requests fall on any of them. A token is known
//! by its SHA-256, and is not kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::ids::UserId;

/// Locks, so that cores seldom meet at one. A lock is held for a look into a map.
const SHARDS: usize = 64;
/// Tokens of half a shard. An entry has about 150 bytes: 20 MB in all.
const MAX_HALF: usize = 1_024;
/// The most tokens that are remembered.
pub const MAX_VERIFIED: usize = SHARDS * 2 * MAX_HALF;

/// The SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What was found out about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whose it is.
    pub user: UserId,
    /// From when on it is good no more; Unix seconds.
    pub ends_s: u64,
    /// Of the keys that it was verified with.
    pub generation: u64,
}

/// Verified tokens.
pub struct Verified(Vec<Mutex<Shard>>);

/// Two halves: once the young one is full it becomes the old one, and what was old goes. So what is
/// asked for stays, what is not goes, and expired tokens with it.
#[derive(Default)]
struct Shard {
    young: HashMap<TokenHash, Known>,
    old: HashMap<TokenHash, Known>,
}

impl Default for Verified {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Verified {
    /// Whose token it is, if it was verified with these keys and is still good.
    pub fn find(&self, token: &TokenHash, generation: u64, now_s: u64) -> Option<UserId> {
        let mut shard = self.shard(token);
        if let Some(known) = shard.young.get(token) {
            return known.good(generation, now_s);
        }
        let known = shard.old.remove(token)?;
        let good = known.good(generation, now_s)?;
        shard.keep(*token, known);
        Some(good)
    }

    /// Remembers a token.
    pub fn keep(&self, token: TokenHash, known: Known) {
        self.shard(&token).keep(token, known);
    }

    fn shard(&self, token: &TokenHash) -> MutexGuard<'_, Shard> {
        let shard = &self.0[usize::from(token[0]) % SHARDS];
        // Whole whatever happened: each change is one insertion.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn keep(&mut self, token: TokenHash, known: Known) {
        if self.young.len() >= MAX_HALF && !self.young.contains_key(&token) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, known);
    }
}

impl Known {
    fn good(&self, generation: u64, now_s: u64) -> Option<UserId> {
        let good = self.generation == generation && now_s < self.ends_s;
        good.then(|| self.user.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(user: &str) -> Known {
        Known { user: user.parse().unwrap(), ends_s: 100, generation: 1 }
    }

    fn token(number: usize) -> TokenHash {
        let mut token = [0; 32];
        // All in one shard.
        token[1..9].copy_from_slice(&number.to_le_bytes());
        token
    }

    #[test]
    fn a_token_is_known_until_it_ends_or_the_keys_change() {
        let verified = Verified::default();
        verified.keep(token(1), known("ann"));
        assert_eq!(verified.find(&token(1), 1, 99), Some("ann".parse().unwrap()));
        assert_eq!(verified.find(&token(1), 1, 100), None);
        assert_eq!(verified.find(&token(1), 2, 99), None);
        assert_eq!(verified.find(&token(2), 1, 99), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_asked_for_stays() {
        let verified = Verified::default();
        verified.keep(token(0), known("ann"));
        for number in 1..10 * MAX_HALF {
            verified.keep(token(number), known("bob"));
            // Of the first one, every now and then.
            if number % (MAX_HALF / 2) == 0 {
                assert!(verified.find(&token(0), 1, 99).is_some(), "{number}");
            }
            let shard = verified.shard(&token(0));
            assert!(shard.young.len() <= MAX_HALF && shard.old.len() <= MAX_HALF);
        }
        assert_eq!(verified.find(&token(1), 1, 99), None);
    }
}
