//! Whoever guesses tokens is locked out: by address, for a while, right guesses included.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Different unknown tokens of one address, within [`LOCK`], after which it is locked out. The same one
/// again and again is no guess: a script that still has an old token locks nobody out.
const MOST_GUESSES: usize = 20;
/// For so long. Tokens are beyond guessing; what this bounds is the noise, and what trying costs us.
pub(super) const LOCK: Duration = Duration::from_secs(60);
/// Addresses that are remembered. Beyond it the one that began first is forgotten.
const MAX_ADDRESSES: usize = 1_024;

/// Unknown tokens, by the address that sent them.
#[derive(Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, Tried>>);

/// What an address tried.
struct Tried {
    tokens: Vec<[u8; 32]>,
    /// The first time; once it is locked out, when it was.
    since: Instant,
}

impl Tried {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LOCK
    }
}

impl Guesses {
    /// How long an address is still locked out; None: it is not.
    pub(super) fn locked(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let all = self.tried();
        let tried = all.get(&address)?;
        let locked = tried.tokens.len() >= MOST_GUESSES && !tried.is_over(now);
        locked.then(|| LOCK.saturating_sub(now.saturating_duration_since(tried.since)))
    }

    /// Notes an unknown token, by its hash; whether it was the one that locks the address out.
    pub(super) fn wrong(&self, address: IpAddr, token: [u8; 32], now: Instant) -> bool {
        let mut all = self.tried();
        make_room(&mut all, address, now);
        let anew = || Tried { tokens: Vec::new(), since: now };
        let tried = all.entry(address).or_insert_with(anew);
        if tried.is_over(now) {
            *tried = anew();
        }
        if tried.tokens.len() >= MOST_GUESSES || tried.tokens.contains(&token) {
            return false;
        }
        tried.tokens.push(token);
        let locks = tried.tokens.len() == MOST_GUESSES;
        if locks {
            tried.since = now;
        }
        locks
    }

    /// A thread that panicked with it left nothing half done.
    fn tried(&self) -> MutexGuard<'_, HashMap<IpAddr, Tried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(all: &mut HashMap<IpAddr, Tried>, newcomer: IpAddr, now: Instant) {
    if all.len() < MAX_ADDRESSES || all.contains_key(&newcomer) {
        return;
    }
    all.retain(|_, tried| !tried.is_over(now));
    if all.len() < MAX_ADDRESSES {
        return;
    }
    let oldest = all.iter().min_by_key(|(_, tried)| tried.since).map(|(address, _)| *address);
    oldest.and_then(|address| all.remove(&address));
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + last).into()
    }

    fn token(number: usize) -> [u8; 32] {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&number.to_be_bytes());
        token
    }

    #[test]
    fn an_address_is_locked_out_for_a_while_and_its_neighbour_is_not() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for number in 1..MOST_GUESSES {
            assert!(!guesses.wrong(address(1), token(number), now));
            assert_eq!(guesses.locked(address(1), now), None);
        }
        assert!(guesses.wrong(address(1), token(MOST_GUESSES), now), "the last one locks it out");
        assert!(!guesses.wrong(address(1), token(0), now), "and only that");
        assert_eq!(guesses.locked(address(1), now), Some(LOCK));
        assert_eq!(guesses.locked(address(2), now), None);
        assert_eq!(guesses.locked(address(1), now + LOCK / 4), Some(LOCK * 3 / 4));
        assert_eq!(guesses.locked(address(1), now + LOCK), None);
        assert!(!guesses.wrong(address(1), token(0), now + LOCK), "it begins anew");
    }

    #[test]
    fn an_old_token_again_and_again_is_no_guess() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for _ in 0..10 * MOST_GUESSES {
            assert!(!guesses.wrong(address(1), token(7), now));
        }
        assert_eq!(guesses.locked(address(1), now), None);
    }

    #[test]
    fn guesses_that_lie_far_apart_lock_nobody_out() {
        let (guesses, mut now) = (Guesses::default(), Instant::now());
        for number in 0..10 * MOST_GUESSES {
            assert!(!guesses.wrong(address(1), token(number), now));
            now += LOCK / 10;
        }
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        let many = u32::try_from(MAX_ADDRESSES).unwrap() + 50;
        for last in 0..many {
            let later = now + Duration::from_micros(last.into());
            guesses.wrong(address(last), token(0), later);
        }
        let all = guesses.tried();
        assert_eq!(all.len(), MAX_ADDRESSES);
        assert!(!all.contains_key(&address(0)) && all.contains_key(&address(many - 1)));
    }
}
