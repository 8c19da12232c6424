//! What a leader remembers of events that it archives, so that none of them holds up another: each
//! look is short, and is taken up again where the one before it ended.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contract::ids::EventId;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::delete::Without;
use super::plan::Unsettled;
use crate::store::events::Event;

/// Events that are held beside their rows at once, which takes five sessions of MySQL.
const TURNS: usize = 1;
/// One that differs is looked through again after so many times as long as that took.
const REST: u32 = 19;
/// And after so long at the latest.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// For a process to have on its disk what it was told: a second between two writes of its append-only
/// file, and two more where the disk is slow.
const ON_DISK: Duration = Duration::from_secs(3);

/// Of all events. Nothing of it has to outlive the leader: the next one begins anew.
#[derive(Debug)]
pub struct Archiving {
    turn: Semaphore,
    known: Mutex<HashMap<EventId, Known>>,
    gone: Mutex<HashMap<EventId, Gone>>,
}

/// A process that had none of an event's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gone {
    replid: String,
    offset: u64,
    since: Instant,
}

/// Of an event that is closed in an epoch.
#[derive(Debug)]
struct Known {
    epoch: u64,
    /// Where Kafka ended once its outbox was empty.
    ends: Vec<i64>,
    apart: Option<Apart>,
}

/// How its shard differed from its rows.
#[derive(Debug, Clone, Copy)]
struct Apart {
    left: Unsettled,
    until: Instant,
}

impl Default for Archiving {
    fn default() -> Self {
        Self { turn: Semaphore::new(TURNS), known: Mutex::default(), gone: Mutex::default() }
    }
}

impl Archiving {
    /// The turn to hold an event beside its rows; None: another has it.
    pub(super) fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turn.try_acquire().ok()
    }

    /// Whoever has a turn is to leave it; nobody gets one any more.
    pub(super) fn end(&self) {
        self.turn.close();
    }

    /// Whether [`Self::end`] was called.
    pub(super) fn has_ended(&self) -> bool {
        self.turn.is_closed()
    }

    /// Where Kafka ended when the event's outbox was first found empty. MySQL need not be past what
    /// came later: that is of other events.
    pub(super) fn ends(&self, event: &Event) -> Option<Vec<i64>> {
        self.with(event, |known| known.ends.clone())
    }

    /// Notes where Kafka ends, after the event's outbox was found empty.
    pub(super) fn note_ends(&self, event: &Event, ends: Vec<i64>) {
        let known = Known { epoch: event.epoch, ends, apart: None };
        self.all(|all| all.insert(event.event_id.clone(), known));
    }

    /// What differed a while ago. It is looked through again later, or once it was armed again.
    pub(super) fn apart(&self, event: &Event) -> Option<Unsettled> {
        let apart = self.with(event, |known| known.apart).flatten()?;
        (Instant::now() < apart.until).then_some(apart.left)
    }

    /// Notes that the event differs, which took so long to find.
    pub(super) fn note_apart(&self, event: &Event, left: Unsettled, took: Duration) {
        let until = Instant::now() + rest(took);
        self.with(event, |known| known.apart = Some(Apart { left, until }));
    }

    /// Whether nothing brings an event's keys back: the process that has none of them now had none
    /// long enough ago to have it on its disk, and so many replicas have acknowledged that.
    pub(super) fn are_gone(&self, event: &EventId, now: Without, replicas: u32) -> bool {
        let mut all = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let before = all.get(event).filter(|gone| now.had == 0 && gone.replid == now.replid);
        if let Some(gone) = before {
            return gone.lasts(&now, replicas, at);
        }
        let Without { replid, offset, .. } = now;
        all.insert(event.clone(), Gone { replid, offset, since: at });
        false
    }

    /// The event has come a step further, which what was known of it was for.
    pub(super) fn forget(&self, event: &EventId) {
        self.all(|all| all.remove(event));
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).remove(event);
    }

    /// What is known of the event in its epoch.
    fn with<T>(&self, event: &Event, look: impl FnOnce(&mut Known) -> T) -> Option<T> {
        self.all(|all| {
            all.get_mut(&event.event_id).filter(|known| known.epoch == event.epoch).map(look)
        })
    }

    fn all<T>(&self, look: impl FnOnce(&mut HashMap<EventId, Known>) -> T) -> T {
        // A thread that panicked here left whole values behind.
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Gone {
    fn lasts(&self, now: &Without, replicas: u32, at: Instant) -> bool {
        let have_it = now.acknowledged.iter().filter(|offset| **offset >= self.offset).count();
        at.duration_since(self.since) >= ON_DISK && have_it >= replicas as usize
    }
}

fn rest(took: Duration) -> Duration {
    took.saturating_mul(REST).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::plan::tests::event;

    #[test]
    fn one_at_a_time_until_the_end() {
        let archiving = Archiving::default();
        let turn = archiving.turn().unwrap();
        assert!(archiving.turn().is_none());
        drop(turn);
        assert!(archiving.turn().is_some() && !archiving.has_ended());
        archiving.end();
        assert!(archiving.turn().is_none() && archiving.has_ended());
    }

    #[test]
    fn what_is_known_of_an_event_ends_with_its_epoch() {
        let archiving = Archiving::default();
        let (now, armed_again) = (event(), Event { epoch: event().epoch + 1, ..event() });
        assert_eq!(archiving.ends(&now), None);
        archiving.note_ends(&now, vec![7]);
        archiving.note_apart(&now, Unsettled::Differs(3), LONGEST_REST);
        assert_eq!(archiving.ends(&now), Some(vec![7]));
        assert_eq!(archiving.apart(&now), Some(Unsettled::Differs(3)));
        assert_eq!((archiving.ends(&armed_again), archiving.apart(&armed_again)), (None, None));
        archiving.note_ends(&armed_again, vec![9]);
        assert_eq!((archiving.ends(&now), archiving.ends(&armed_again)), (None, Some(vec![9])));
        archiving.forget(&now.event_id);
        assert_eq!(archiving.ends(&armed_again), None);
    }

    #[test]
    fn an_event_that_took_long_to_look_through_rests_longer_up_to_a_minute() {
        assert_eq!(rest(Duration::from_millis(2)), Duration::from_millis(38));
        assert_eq!(rest(Duration::from_secs(400)), LONGEST_REST);
        let archiving = Archiving::default();
        archiving.note_ends(&event(), vec![7]);
        archiving.note_apart(&event(), Unsettled::Differs(3), Duration::ZERO);
        assert_eq!(archiving.apart(&event()), None);
    }

    #[test]
    fn keys_are_gone_once_replicas_and_disk_have_that() {
        let since = Instant::now();
        let gone = Gone { replid: "aa".to_owned(), offset: 50, since };
        let now = |acknowledged: &[u64]| Without {
            replid: "aa".to_owned(),
            had: 0,
            offset: 90,
            acknowledged: acknowledged.to_vec(),
        };
        let later = since + ON_DISK;
        assert!(gone.lasts(&now(&[50]), 1, later));
        assert!(!gone.lasts(&now(&[49]), 1, later), "its replica may lack it");
        assert!(!gone.lasts(&now(&[]), 1, later), "its replica is away");
        assert!(!gone.lasts(&now(&[90]), 2, later));
        assert!(!gone.lasts(&now(&[90]), 1, later - Duration::from_millis(1)));
    }

    #[test]
    fn another_process_or_keys_that_are_back_begin_the_wait_anew() {
        let archiving = Archiving::default();
        let spring = event().event_id;
        let look = |replid: &str, had, offset| {
            let acknowledged = vec![offset];
            let now = Without { replid: replid.to_owned(), had, offset, acknowledged };
            assert!(!archiving.are_gone(&spring, now, 1));
            archiving.gone.lock().unwrap()[&spring].clone()
        };
        let first = look("aa", 3, 50);
        assert_eq!(look("aa", 0, 60), first);
        assert_eq!(look("aa", 2, 70).offset, 70);
        let other = look("bb", 0, 80);
        assert_eq!((other.replid.as_str(), other.offset), ("bb", 80));
        archiving.forget(&spring);
        assert!(archiving.gone.lock().unwrap().is_empty());
    }
}
