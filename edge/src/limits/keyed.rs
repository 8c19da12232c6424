//! One limit a key, for very many keys in bounded memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Locks, so that cores seldom meet at one.
const SHARDS: usize = 64;
/// Keys of a shard; an entry has 36 bytes (measured).
const MAX_SHARD_KEYS: usize = 16_384;
/// The most keys that are counted at a time, in about 40 MB.
pub const MAX_KEYS: usize = SHARDS * MAX_SHARD_KEYS;

/// Limits keys, which are known by a hash that nobody outside can foresee.
pub(super) struct Keyed {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    quota: Quota,
}

type Shard = DefaultKeyedRateLimiter<u64>;

impl Keyed {
    pub(super) fn new(quota: Quota) -> Self {
        let shard = || Mutex::new(RateLimiter::keyed(quota));
        let shards = (0..SHARDS).map(|_| shard()).collect();
        Self { hasher: RandomState::new(), shards, quota }
    }

    /// Counts a request of a key; how long to wait where it is one too many.
    pub(super) fn check<K: Hash + ?Sized>(&self, key: &K) -> Result<(), Duration> {
        let key = self.hasher.hash_one(key);
        let mut shard = self.shard(key);
        self.make_room(&mut shard);
        let now = DefaultClock::default().now();
        shard.check_key(&key).map_err(|until| until.wait_time_from(now))
    }

    /// Forgets keys that have all of their burst again; and all of a shard, where that leaves it
    /// nearly full, since whoever sends that many keys must not have memory for each.
    fn make_room(&self, shard: &mut Shard) {
        if shard.len() < MAX_SHARD_KEYS {
            return;
        }
        shard.retain_recent();
        if shard.len() > MAX_SHARD_KEYS / 4 * 3 {
            *shard = RateLimiter::keyed(self.quota);
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[(key % SHARDS as u64) as usize];
        // Whole whatever happened: each change is one insertion.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn keys_beyond_the_bound_are_forgotten_and_not_kept() {
        let one = NonZeroU32::new(1).unwrap();
        let keyed = Keyed::new(Quota::per_hour(one));
        for key in 0..MAX_KEYS as u64 * 2 {
            let _ = keyed.check(&key);
        }
        for shard in &keyed.shards {
            assert!(shard.lock().unwrap().len() <= MAX_SHARD_KEYS);
        }
        // Whoever asks now is counted all the same.
        assert_eq!(keyed.check("ann"), Ok(()));
        assert!(keyed.check("ann").is_err());
    }
}
