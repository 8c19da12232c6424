//! The directory, as the leader reads and writes it.
//!
//! The leader is its only writer of events; edges write their probes. It reads along all the same,
//! since a leader before it, or one that was paused and resumed, may have written what this one
//! does not know: what the *last* record of an event says matters as well as the highest one,
//! because compaction keeps the last.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::directory::{Directory, Entry, Listing, decode, encode};
use contract::ids::EventId;
use contract::topics::DIRECTORY;
use links::kafka::{Kafka, KafkaError, NewRecord, Partition};
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use crate::backoff::Backoff;
use crate::metrics;
use crate::stop::Stop;

/// The directory's only partition.
const PARTITION: i32 = 0;
/// About the most bytes of one fetch.
const FETCH_BYTES: i32 = 1024 * 1024;
/// How long a broker may wait for something to come.
const FETCH_WAIT_MS: u32 = 500;
/// What was read is current while the end was reached within this time: a fetch's wait, its
/// deadline's margin and a second.
const CURRENT_FOR: Duration = Duration::from_millis(3_500);

/// What the directory says about an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The record of the highest epoch and version: what edges go by that have read all.
    pub highest: Option<Listing>,
    /// The last record: what edges go by that begin to read after compaction.
    pub latest: Option<Listing>,
    /// Whether the last record says that it is archived.
    pub archived: bool,
}

impl Said {
    /// Whether some edge may know the event.
    pub fn is_listed(&self) -> bool {
        self.highest.is_some() || self.latest.is_some()
    }
}

/// Reads the directory from its start, and writes to it.
pub struct DirectoryLog {
    /// Kafka answers one call at a time on a connection, and fetches wait.
    reads: Partition,
    writes: Partition,
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    folded: Directory,
    latest: HashMap<EventId, (i64, Option<Listing>)>,
    next: i64,
    reached_end: Option<Instant>,
}

impl DirectoryLog {
    /// A log that has read nothing yet.
    pub fn new(kafka: &Kafka) -> Self {
        Self {
            reads: kafka.partition(DIRECTORY, PARTITION),
            writes: kafka.partition(DIRECTORY, PARTITION),
            read: Mutex::default(),
        }
    }

    /// What is said about an event; None unless all of the directory was read just now.
    pub fn said(&self, event: &EventId) -> Option<Said> {
        self.with(|read| {
            read.is_current().then(|| Said {
                highest: read.folded.get(event).cloned(),
                latest: read.latest.get(event).and_then(|(_, listing)| listing.clone()),
                archived: matches!(read.latest.get(event), Some((_, None))),
            })
        })
    }

    /// Whether all of the directory was read just now.
    pub fn is_current(&self) -> bool {
        self.with(|read| read.is_current())
    }

    /// Events that it lists beside those; none unless all of it was read just now.
    pub fn listed_beside(&self, known: &HashSet<&EventId>) -> Vec<EventId> {
        self.with(|read| {
            let listed = read.folded.iter().map(|listing| &listing.event_id);
            let beside = listed.filter(|event| !known.contains(event)).cloned();
            if read.is_current() { beside.collect() } else { Vec::new() }
        })
    }

    /// Says how an event stands; returns when all in-sync replicas have it.
    pub async fn say(&self, listing: Listing) -> Result<(), KafkaError> {
        self.write(Entry::Event(Box::new(listing))).await
    }

    /// Says that an event is archived; returns when all in-sync replicas have it.
    pub async fn say_gone(&self, event: EventId) -> Result<(), KafkaError> {
        self.write(Entry::Gone(event)).await
    }

    async fn write(&self, entry: Entry) -> Result<(), KafkaError> {
        let (key, value) = encode(&entry);
        let record = NewRecord { key, value, headers: Default::default() };
        let offset = self.writes.produce(vec![record]).await?;
        self.with(|read| read.take(offset, entry));
        Ok(())
    }

    /// Reads along until it is asked to stop.
    pub async fn follow(self: Arc<Self>, mut stop: Stop) {
        let mut backoff = Backoff::default();
        loop {
            tokio::select! {
                () = stop.asked() => return,
                pause = self.read_on(&mut backoff) => sleep(pause).await,
            }
        }
    }

    /// One fetch; returns how long to wait before the next.
    async fn read_on(&self, backoff: &mut Backoff) -> Duration {
        let next = self.with(|read| read.next);
        match self.reads.fetch(next, FETCH_BYTES, FETCH_WAIT_MS).await {
            Ok(fetched) => {
                backoff.reset();
                let after = fetched.next_offset_in_compacted(next);
                self.with(|read| {
                    for record in fetched.records.iter().filter(|record| record.offset >= next) {
                        match decode(record.key.as_deref(), record.value.as_deref()) {
                            Ok(entry) => read.take(record.offset, entry),
                            Err(why) => warn!(offset = record.offset, %why, "unreadable entry"),
                        }
                    }
                    read.next = after.max(next);
                    if read.next >= fetched.high_watermark {
                        read.reached_end = Some(Instant::now());
                    }
                });
                Duration::ZERO
            }
            Err(KafkaError::OutOfRange { offset }) => {
                self.begin_again(offset).await.unwrap_or_else(|error| trouble(&error, backoff))
            }
            Err(error) => trouble(&error, backoff),
        }
    }

    /// The directory lost what was read: the topic was made again, or cut off. All that is known
    /// of its records is void; the control of events says again what is missing.
    async fn begin_again(&self, offset: i64) -> Result<Duration, KafkaError> {
        let bounds = self.reads.bounds().await?;
        error!(offset, earliest = bounds.earliest, end = bounds.end, "the directory was cut off");
        self.with(|read| {
            read.latest.clear();
            read.next = bounds.earliest;
            read.reached_end = None;
        });
        Ok(Duration::ZERO)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Read) -> T) -> T {
        // A thread that panicked here left a whole value behind.
        look(&mut self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read {
    fn is_current(&self) -> bool {
        self.reached_end.is_some_and(|at| at.elapsed() < CURRENT_FOR)
    }

    fn take(&mut self, offset: i64, entry: Entry) {
        let (event, listing) = match &entry {
            Entry::Probe(_) => return,
            Entry::Gone(event) => (event.clone(), None),
            Entry::Event(listing) => (listing.event_id.clone(), Some(listing.as_ref().clone())),
        };
        // One of our own was taken when it was acknowledged, before those ahead of it were read.
        match self.latest.get(&event) {
            Some((known, None)) if *known > offset => return,
            Some((known, Some(_))) if *known >= offset => {}
            _ => drop(self.latest.insert(event, (offset, listing))),
        }
        self.folded.fold(entry);
    }
}

fn trouble(error: &KafkaError, backoff: &mut Backoff) -> Duration {
    metrics::retry(metrics::Retried::Directory, metrics::Server::Kafka);
    if !backoff.is_failing() {
        warn!(%error, "the directory cannot be read");
    }
    backoff.failed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::event::{Confirm, Phase};

    fn entry(epoch: u64, version: u64) -> Entry {
        Entry::Event(Box::new(Listing {
            event_id: "spring".parse().unwrap(),
            epoch,
            version,
            phase: Phase::Open,
            opens_at_ms: 0,
            closes_at_ms: 0,
            stock: 1,
            per_user_limit: 1,
            confirm: Confirm::Replica,
        }))
    }

    /// Epoch and version of the highest and of the latest record.
    fn said(read: &Read) -> [Option<(u64, u64)>; 2] {
        let event = "spring".parse().unwrap();
        let rank = |listing: &Listing| (listing.epoch, listing.version);
        let latest = read.latest.get(&event).and_then(|(_, listing)| listing.as_ref());
        [read.folded.get(&event).map(rank), latest.map(rank)]
    }

    #[test]
    fn a_late_record_is_the_latest_but_not_the_highest() {
        let mut read = Read::default();
        read.take(1, entry(2, 1));
        read.take(2, entry(1, 9));
        assert_eq!(said(&read), [Some((2, 1)), Some((1, 9))]);
    }

    #[test]
    fn what_was_said_is_not_undone_by_reading_what_came_before_it() {
        let mut read = Read::default();
        read.take(5, entry(1, 2));
        read.take(4, entry(1, 1));
        assert_eq!(said(&read), [Some((1, 2)), Some((1, 2))]);
    }

    #[test]
    fn a_tombstone_is_the_latest_word_until_somebody_speaks_again() {
        let mut read = Read::default();
        read.take(1, entry(1, 1));
        read.take(3, Entry::Gone("spring".parse().unwrap()));
        assert_eq!(said(&read), [None, None]);
        // It was read after the tombstone was acknowledged, and stands before it.
        read.take(2, entry(1, 2));
        assert_eq!(said(&read), [None, None]);
        read.take(3, Entry::Gone("spring".parse().unwrap()));
        assert_eq!(said(&read), [None, None]);
        read.take(4, entry(1, 2));
        assert_eq!(said(&read), [Some((1, 2)), Some((1, 2))]);
    }
}
