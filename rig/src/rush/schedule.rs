//! Who asks next: first-timers, doubles, and those who were told to ask again.
//!
//! Pure: time comes in as microseconds, chance from a seeded generator.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A user who asks twice asks once more this long after the first time, at least.
const LATER_MIN_US: u64 = 100_000;
/// And at most.
const LATER_MAX_US: u64 = 1_000_000;

/// How the users of a rush behave.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// How many there are.
    pub users: u32,
    /// How many of a hundred ask more than once.
    pub duplicates_percent: u8,
    /// How many requests such a user has in flight at once, at most; at least 2.
    pub at_once: u8,
    /// How many of them arrive in a second; 0: as fast as they are answered.
    pub per_s: u32,
    /// Which attempt keys they send.
    pub keys: Keys,
    /// Requests for one definite answer, at most.
    pub tries: u16,
    /// Microseconds after which a user gives up.
    pub patience_us: u64,
    /// The same seed gives the same crowd.
    pub seed: u64,
}

/// Which users send an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Every other user: with a limit of 1 the key is optional.
    Some,
    /// All: with a higher limit the key is required.
    All,
}

/// One claim that somebody wants an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Which user, from 0.
    pub user: u32,
    /// Which of the user's attempt keys; 0: none.
    pub attempt: u8,
    /// What made the user ask.
    pub turn: Turn,
    /// Requests sent for it, this one included.
    pub tries: u16,
    /// When its user gives up.
    pub deadline_us: u64,
}

/// What made a user ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The only claim of a user who asks once.
    Only,
    /// The first claim of a user who asks several times.
    First,
    /// The same claim at the same time on another connection.
    Double,
    /// Once more, a while later and with another key.
    Later,
}

/// What a free connection is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Ask(Ask),
    /// Nothing is due yet, or only requests in flight elsewhere are left: look again when told.
    Wait,
    /// Everybody is done.
    Done,
}

/// What time has brought.
#[derive(Debug, PartialEq, Eq)]
pub struct Due {
    /// Asks that have become due.
    pub asks: usize,
    /// When the next one does.
    pub next_us: Option<u64>,
}

/// What became of an ask that is to be asked again.
#[derive(Debug, PartialEq, Eq)]
pub enum Again {
    /// It will be.
    Scheduled,
    /// Its tries or its user's patience are used up.
    GivenUp,
}

/// Who asks next.
#[derive(Debug)]
pub struct Schedule {
    crowd: Crowd,
    next_user: u32,
    ready: VecDeque<Ask>,
    later: BinaryHeap<Reverse<(u64, Ask)>>,
    in_flight: u32,
    chance: SmallRng,
}

impl Schedule {
    /// Nobody has asked yet.
    pub fn new(crowd: Crowd) -> Self {
        Self {
            crowd,
            next_user: 0,
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            in_flight: 0,
            chance: SmallRng::seed_from_u64(crowd.seed),
        }
    }

    /// What to do on a free connection.
    pub fn next(&mut self, now_us: u64) -> Next {
        let fresh = self.next_user < self.arrived(now_us);
        let ready = self.ready.pop_front();
        match ready.or_else(|| fresh.then(|| self.first(now_us))) {
            Some(mut ask) => {
                ask.tries += 1;
                self.in_flight += 1;
                Next::Ask(ask)
            }
            None if self.is_over() => Next::Done,
            None => Next::Wait,
        }
    }

    /// Everybody is done.
    pub fn is_over(&self) -> bool {
        let waiting = self.ready.len() + self.later.len();
        self.next_user == self.crowd.users && waiting == 0 && self.in_flight == 0
    }

    /// How many users have arrived by now.
    fn arrived(&self, now_us: u64) -> u32 {
        match u64::from(self.crowd.per_s) {
            0 => self.crowd.users,
            per_s => {
                let arrived = now_us.saturating_mul(per_s) / 1_000_000 + 1;
                u32::try_from(arrived).map_or(self.crowd.users, |users| users.min(self.crowd.users))
            }
        }
    }

    /// Who has arrived and not asked yet, and when the next one arrives.
    fn arrivals(&self, now_us: u64) -> (usize, Option<u64>) {
        let arrived = self.arrived(now_us);
        let waiting = arrived.saturating_sub(self.next_user);
        let next_us = (arrived < self.crowd.users)
            .then(|| u64::from(arrived) * 1_000_000 / u64::from(self.crowd.per_s.max(1)) + 1);
        (waiting as usize, next_us)
    }

    /// Makes ready what is due.
    pub fn due(&mut self, now_us: u64) -> Due {
        let (arrived, next_arrival_us) = self.arrivals(now_us);
        let mut due = self.due_again(now_us);
        if self.crowd.per_s > 0 {
            due.asks += arrived;
            due.next_us = due.next_us.into_iter().chain(next_arrival_us).min();
        }
        due
    }

    /// The same of those who ask again.
    fn due_again(&mut self, now_us: u64) -> Due {
        let before = self.ready.len();
        loop {
            match self.later.peek() {
                Some(Reverse((due_us, ask))) if *due_us <= now_us => {
                    self.ready.push_back(*ask);
                    self.later.pop();
                }
                next => {
                    return Due {
                        asks: self.ready.len() - before,
                        next_us: next.map(|Reverse((due_us, _))| *due_us),
                    };
                }
            }
        }
    }

    fn first(&mut self, now_us: u64) -> Ask {
        let user = self.next_user;
        self.next_user += 1;
        let keyed = self.crowd.keys == Keys::All || user % 2 == 1;
        let ask = Ask {
            user,
            attempt: u8::from(keyed),
            turn: Turn::Only,
            tries: 0,
            deadline_us: now_us + self.crowd.patience_us,
        };
        if self.chance.random_range(0..100) < self.crowd.duplicates_percent {
            let at_once = self.chance.random_range(2..=self.crowd.at_once.max(2));
            let double = Ask { turn: Turn::Double, ..ask };
            self.ready.extend((1..at_once).map(|_| double));
            self.ask_later(ask, now_us);
            return Ask { turn: Turn::First, ..ask };
        }
        ask
    }

    /// The user of a double asks once more after a while, with another key.
    fn ask_later(&mut self, ask: Ask, now_us: u64) {
        let due_us = now_us + self.chance.random_range(LATER_MIN_US..=LATER_MAX_US);
        let later = Ask {
            attempt: ask.attempt + 1,
            turn: Turn::Later,
            tries: 0,
            deadline_us: due_us + self.crowd.patience_us,
            ..ask
        };
        self.later.push(Reverse((due_us, later)));
    }

    /// An ask got its definite answer.
    pub fn done(&mut self) {
        self.in_flight -= 1;
    }

    /// An ask got none, and is to be asked again after `wait_us`.
    pub fn again(&mut self, ask: Ask, now_us: u64, wait_us: u64) -> Again {
        self.in_flight -= 1;
        let due_us = now_us + wait_us;
        if ask.tries >= self.crowd.tries || due_us > ask.deadline_us {
            return Again::GivenUp;
        }
        self.later.push(Reverse((due_us, ask)));
        Again::Scheduled
    }

    /// How long to wait before asking again: never less than told, and up to half more, so that
    /// those who were refused together do not come back together. Without a word from the server
    /// it doubles with every try, with full jitter.
    pub fn wait_us(&mut self, tries: u16, retry_after_ms: Option<u64>) -> u64 {
        match retry_after_ms {
            Some(ms) => {
                let told_us = ms.saturating_mul(1_000).min(MAX_TOLD_US);
                told_us + self.chance.random_range(0..=told_us / 2)
            }
            None => {
                let doublings = u32::from(tries.min(MAX_DOUBLINGS));
                let ceiling_us = (BACKOFF_US << doublings).min(MAX_BACKOFF_US);
                self.chance.random_range(BACKOFF_US / 2..=ceiling_us)
            }
        }
    }
}

/// The ceiling of the first wait after a lost connection, doubled with each try.
const BACKOFF_US: u64 = 20_000;
/// The highest such ceiling.
const MAX_BACKOFF_US: u64 = 1_000_000;
/// Doublings after which the ceiling stands anyway.
const MAX_DOUBLINGS: u16 = 8;
/// The longest Retry-After that is taken at its word.
const MAX_TOLD_US: u64 = 30_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(users: u32, duplicates_percent: u8) -> Crowd {
        Crowd {
            users,
            duplicates_percent,
            at_once: 4,
            per_s: 0,
            keys: Keys::Some,
            tries: 3,
            patience_us: 5_000_000,
            seed: 7,
        }
    }

    /// Runs a crowd to its end, each ask answered at once; returns what was asked.
    fn run(crowd: Crowd) -> Vec<Ask> {
        let mut schedule = Schedule::new(crowd);
        let (mut now_us, mut asked) = (0, Vec::new());
        loop {
            match schedule.next(now_us) {
                Next::Ask(ask) => {
                    asked.push(ask);
                    schedule.done();
                }
                Next::Wait => {
                    now_us = schedule.due(now_us).next_us.unwrap();
                    schedule.due(now_us);
                }
                Next::Done => return asked,
            }
        }
    }

    #[test]
    fn everybody_asks_once() {
        let asked = run(crowd(10, 0));
        let users: Vec<u32> = asked.iter().map(|ask| ask.user).collect();
        assert_eq!(users, (0..10).collect::<Vec<_>>());
        assert!(asked.iter().all(|ask| ask.turn == Turn::Only));
    }

    #[test]
    fn a_crowd_arrives_at_its_pace() {
        let mut schedule = Schedule::new(Crowd { per_s: 1_000, ..crowd(5, 0) });
        let mut asked_at = |now_us| {
            let due = schedule.due(now_us);
            let asks = std::iter::from_fn(|| match schedule.next(now_us) {
                Next::Ask(_) => {
                    schedule.done();
                    Some(())
                }
                Next::Wait | Next::Done => None,
            });
            (asks.count(), due.next_us)
        };
        assert_eq!(asked_at(0), (1, Some(1_001)));
        assert_eq!(asked_at(500), (0, Some(1_001)));
        assert_eq!(asked_at(3_001), (3, Some(4_001)));
        assert_eq!(asked_at(60_000_000), (1, None));
        assert!(schedule.is_over());
    }

    #[test]
    fn doubles_ask_at_once_and_again_later_with_another_key() {
        let asked = run(crowd(500, 100));
        for user in 0..500 {
            let of = |turn| {
                let asks = asked.iter().filter(move |ask| ask.user == user);
                asks.filter(move |ask| ask.turn == turn).collect::<Vec<_>>()
            };
            let (first, doubles, later) = (of(Turn::First), of(Turn::Double), of(Turn::Later));
            assert_eq!((first.len(), later.len()), (1, 1));
            assert!((1..=3).contains(&doubles.len()));
            assert!(doubles.iter().all(|ask| ask.attempt == first[0].attempt));
            assert_ne!(later[0].attempt, first[0].attempt);
        }
    }

    #[test]
    fn a_share_of_the_crowd_asks_twice_and_a_seed_repeats_it() {
        let asked = run(crowd(10_000, 5));
        let later = asked.iter().filter(|ask| ask.turn == Turn::Later).count();
        assert!((400..600).contains(&later), "{later}");
        assert_eq!(asked, run(crowd(10_000, 5)));
    }

    #[test]
    fn with_a_limit_above_one_everybody_sends_a_key() {
        let all = Crowd { keys: Keys::All, ..crowd(100, 50) };
        assert!(run(all).iter().all(|ask| ask.attempt > 0));
        assert!(run(crowd(100, 0)).iter().any(|ask| ask.attempt == 0));
    }

    #[test]
    fn what_is_asked_again_comes_when_it_is_due_and_not_for_ever() {
        let mut schedule = Schedule::new(crowd(1, 0));
        for tries in 1..=2 {
            let Next::Ask(ask) = schedule.next(0) else { panic!("an ask is due") };
            assert_eq!(ask.tries, tries);
            assert_eq!(schedule.next(0), Next::Wait);
            assert_eq!(schedule.again(ask, 0, 0), Again::Scheduled);
            assert_eq!(schedule.due(0).asks, 1);
        }
        let Next::Ask(ask) = schedule.next(0) else { panic!("an ask is due") };
        assert_eq!(schedule.again(ask, 0, 0), Again::GivenUp);
        assert_eq!(schedule.next(0), Next::Done);
    }

    #[test]
    fn patience_ends() {
        let mut schedule = Schedule::new(crowd(1, 0));
        let Next::Ask(ask) = schedule.next(0) else { panic!("an ask is due") };
        assert_eq!(schedule.again(ask, 4_000_000, 500_000), Again::Scheduled);
        let early = schedule.due(4_000_000);
        assert_eq!((early.asks, early.next_us), (0, Some(4_500_000)));
        assert_eq!(schedule.next(4_000_000), Next::Wait);
        assert_eq!(schedule.due(4_500_000).asks, 1);
        assert_eq!(schedule.next(4_500_000), Next::Ask(Ask { tries: 2, ..ask }));
        assert_eq!(schedule.again(ask, 4_500_000, 600_000), Again::GivenUp);
    }

    #[test]
    fn a_wait_is_never_shorter_than_told() {
        let mut schedule = Schedule::new(crowd(1, 0));
        for tries in 0..100 {
            let told = schedule.wait_us(tries, Some(200));
            assert!((200_000..=300_000).contains(&told), "{told}");
            let own = schedule.wait_us(tries, None);
            assert!((BACKOFF_US / 2..=MAX_BACKOFF_US).contains(&own), "{own}");
        }
    }
}
