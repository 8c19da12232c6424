//! Who has won an event that is sold out: so that all others can be told so from memory.
//!
//! 8 bytes a winner. What is not certain (not read yet, another epoch, two users with one hash)
//! only means that Redis is asked.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use contract::ids::{EventId, UserId};
use tokio::sync::mpsc;

use super::latch::{self, Latch};

/// Events whose winners may wait to be read.
const MAX_WAITING: usize = 1_024;
/// Reading takes a tenth of the time at most: after a reading this many times as long passes
/// before the next one of the same event…
const REST_FACTOR: u32 = 9;
/// … and at least this.
const SHORTEST_REST: Duration = Duration::from_millis(20);
/// After a reading that failed.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Whether a user has won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Perhaps: ask.
    Member,
    /// Certainly not, up to the sequence number that was asked about.
    NotMember,
    /// Not known: ask.
    NotRead,
}

/// The winners of all events that this process answers for. A clone is cheap.
#[derive(Clone)]
pub struct Winners {
    events: Arc<Mutex<HashMap<EventId, Weak<EventWinners>>>>,
    wanted: mpsc::Sender<Arc<EventWinners>>,
}

/// The winners of one event, shared by the cores that answer for it.
pub struct EventWinners {
    event: EventId,
    hasher: RandomState,
    read: ArcSwap<Read>,
    /// Whether somebody reads it, or is about to.
    reading: AtomicBool,
    /// Whether it is told sold out from memory.
    pub(super) latch: Latch,
    wanted: mpsc::Sender<Arc<EventWinners>>,
}

/// What was read.
pub(super) struct Read {
    /// The epoch that it is good for; 0: nothing was read.
    pub(super) epoch: u64,
    /// All winners up to this sequence number are in it.
    pub(super) sequence: u64,
    pub(super) users: Hashes,
    /// When the next reading may begin.
    not_before: Instant,
}

/// Hashes of users. They are as good as random: hashing them again would gain nothing.
pub type Hashes = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// Takes a hash as it is.
#[derive(Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 is hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Winners {
    /// No winners yet, and where events come out whose winners are to be read.
    pub fn new() -> (Self, mpsc::Receiver<Arc<EventWinners>>) {
        let (wanted, receiver) = mpsc::channel(MAX_WAITING);
        (Self { events: Arc::default(), wanted }, receiver)
    }

    /// The winners of one event; forgotten once no core holds them.
    pub fn of(&self, event: &EventId) -> Arc<EventWinners> {
        let mut events = self.lock();
        if let Some(winners) = events.get(event).and_then(Weak::upgrade) {
            return winners;
        }
        events.retain(|_, winners| winners.strong_count() > 0);
        let winners = Arc::new(EventWinners {
            event: event.clone(),
            hasher: RandomState::new(),
            read: ArcSwap::from_pointee(Read::nothing()),
            reading: AtomicBool::new(false),
            latch: Latch::default(),
            wanted: self.wanted.clone(),
        });
        events.insert(event.clone(), Arc::downgrade(&winners));
        winners
    }

    /// Which of the events that some core answers for are sold out as far as memory goes, in
    /// Prometheus's words.
    pub fn render(&self, now: Instant) -> String {
        let events: Vec<Arc<EventWinners>> =
            self.lock().values().filter_map(Weak::upgrade).collect();
        let holds = |winners: &Arc<EventWinners>| (winners.event.clone(), winners.latch.holds(now));
        latch::render(events.iter().map(holds).collect())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventId, Weak<EventWinners>>> {
        // A thread that panicked here left a whole map behind.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventWinners {
    /// The event.
    pub(super) fn event(&self) -> &EventId {
        &self.event
    }

    /// Whether a user is among the winners of `epoch` up to `sequence`; has them read where that
    /// is not known.
    pub fn find(self: &Arc<Self>, epoch: u64, sequence: u64, user: &UserId) -> Membership {
        let read = self.read.load();
        if read.epoch != epoch || read.sequence < sequence {
            self.want(&read);
            return Membership::NotRead;
        }
        if read.users.contains(&self.hash(user.as_str())) {
            Membership::Member
        } else {
            Membership::NotMember
        }
    }

    /// Has the winners read if they are not good for this.
    pub(super) fn prepare(self: &Arc<Self>, epoch: u64, sequence: u64) {
        let read = self.read.load();
        if read.epoch != epoch || read.sequence < sequence {
            self.want(&read);
        }
    }

    fn want(self: &Arc<Self>, read: &Read) {
        if Instant::now() < read.not_before || self.reading.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.wanted.try_send(Arc::clone(self)).is_err() {
            self.reading.store(false, Ordering::Release);
        }
    }

    /// What a user is remembered by.
    pub fn hash(&self, user: &str) -> u64 {
        self.hasher.hash_one(user)
    }

    /// A reading that began at `began` has ended: with epoch, sequence number and winners, or
    /// without.
    pub fn was_read(&self, began: Instant, result: Option<(u64, u64, Hashes)>) {
        let now = Instant::now();
        let old = self.read.load();
        let read = match result {
            Some((epoch, sequence, users)) if (epoch, sequence) >= (old.epoch, old.sequence) => {
                let rest = (now - began).saturating_mul(REST_FACTOR).max(SHORTEST_REST);
                Read { epoch, sequence, users, not_before: now + rest }
            }
            // What was read before still holds for its epoch; but to read it costs, so it is let
            // go rather than copied.
            _ => Read { not_before: now + REST_AFTER_FAILURE, ..Read::nothing() },
        };
        self.read.store(Arc::new(read));
        self.reading.store(false, Ordering::Release);
    }
}

impl Read {
    fn nothing() -> Self {
        Self { epoch: 0, sequence: 0, users: Hashes::default(), not_before: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn winners() -> (Arc<EventWinners>, mpsc::Receiver<Arc<EventWinners>>) {
        let (winners, wanted) = Winners::new();
        (winners.of(&"spring".parse().unwrap()), wanted)
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    fn hashes(winners: &EventWinners, users: &[&str]) -> Hashes {
        users.iter().map(|user| winners.hash(user)).collect()
    }

    #[test]
    fn winners_are_known_up_to_what_was_read() {
        let (winners, mut wanted) = winners();
        assert_eq!(winners.find(1, 2, &user("ann")), Membership::NotRead);
        assert!(wanted.try_recv().is_ok());
        assert_eq!(winners.find(1, 2, &user("ann")), Membership::NotRead);
        assert!(wanted.try_recv().is_err(), "one reading at a time");

        let users = hashes(&winners, &["ann", "bob"]);
        winners.was_read(Instant::now(), Some((1, 2, users)));
        assert_eq!(winners.find(1, 2, &user("ann")), Membership::Member);
        assert_eq!(winners.find(1, 1, &user("cy")), Membership::NotMember);
        assert_eq!(winners.find(1, 3, &user("cy")), Membership::NotRead, "later wins");
        assert_eq!(winners.find(2, 2, &user("cy")), Membership::NotRead, "another epoch");
    }

    #[test]
    fn a_reading_is_followed_by_a_rest() {
        let (winners, mut wanted) = winners();
        winners.prepare(1, 1);
        assert!(wanted.try_recv().is_ok());
        winners.was_read(Instant::now(), None);
        winners.prepare(1, 1);
        assert!(wanted.try_recv().is_err());
    }

    #[test]
    fn cores_share_what_was_read_and_it_goes_with_the_last() {
        let (all, _wanted) = Winners::new();
        let event = "spring".parse().unwrap();
        let first = all.of(&event);
        first.was_read(Instant::now(), Some((1, 0, Hashes::default())));
        assert_eq!(all.of(&event).find(1, 0, &user("ann")), Membership::NotMember);
        drop(first);
        assert_eq!(all.of(&event).find(1, 0, &user("ann")), Membership::NotRead);
    }
}
