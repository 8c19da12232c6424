//! Reads the directory's topic from its start and on, for as long as the edge runs.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::directory::{self as wire, Entry};
use contract::ids::EventId;
use links::kafka::{Fetched, KafkaError, Partition, StoredRecord};
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::{Directory, Standing};
use crate::metrics::DirectoryMetrics;

/// How much one fetch brings, in bytes: some thousand listings.
const FETCH_BYTES: i32 = 1024 * 1024;
/// How long the broker waits for something to send.
const FETCH_WAIT_MS: u32 = 500;
/// After a fetch that failed; the link itself backs off further.
const PAUSE: Duration = Duration::from_millis(100);

/// The one reader of the directory's partition.
pub struct Follower {
    partition: Partition,
    directory: Directory,
    /// What was read, folded so that a late writer turns nothing back.
    folded: wire::Directory,
    metrics: DirectoryMetrics,
    /// The offset to read next; `None` before the topic's start is known.
    next: Option<i64>,
    /// Where the topic ended when its start was looked up.
    first_end: i64,
}

impl Follower {
    /// A follower that has read nothing yet. `partition` is its own: a fetch that waits holds up
    /// whatever else goes over the same connection.
    pub fn new(partition: Partition, directory: Directory, metrics: DirectoryMetrics) -> Self {
        let folded = wire::Directory::default();
        Self { partition, directory, folded, metrics, next: None, first_end: 0 }
    }

    /// Follows until it is dropped.
    pub async fn run(mut self) {
        loop {
            if let Err(error) = self.step().await {
                warn!(%error, "the directory cannot be read");
                self.metrics.failed_reads.increment(1);
                sleep(PAUSE).await;
            }
        }
    }

    /// Fetches once and takes in what came; returns how many records that were.
    pub async fn step(&mut self) -> Result<usize, KafkaError> {
        let next = match self.next {
            Some(next) => next,
            None => {
                let bounds = self.partition.bounds().await?;
                self.first_end = bounds.end;
                bounds.earliest
            }
        };
        match self.partition.fetch(next, FETCH_BYTES, FETCH_WAIT_MS).await {
            Ok(fetched) if fetched.high_watermark >= next => {
                self.take(&fetched, next);
                Ok(fetched.records.len())
            }
            Ok(_) => {
                self.begin_again(next);
                Ok(0)
            }
            Err(KafkaError::OutOfRange { .. }) => {
                self.begin_again(next);
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, fetched: &Fetched, from: i64) {
        let mut touched = BTreeSet::new();
        for record in fetched.records.iter().filter(|record| record.offset >= from) {
            touched.extend(self.fold(record));
        }
        let changes = touched.into_iter().map(|event| {
            let standing = self.folded.get(&event).map(Standing::from);
            (event, standing)
        });
        let next = fetched.next_offset_in_compacted(from).max(from);
        self.directory.update(changes.collect(), next);
        self.metrics.events.set(u32::try_from(self.directory.len()).unwrap_or(u32::MAX));
        self.next = Some(next);
        if next >= self.first_end {
            self.directory.reached_end();
        }
    }

    /// Takes one record in and returns the event that it is about, if any.
    fn fold(&mut self, record: &StoredRecord) -> Option<EventId> {
        let entry = match wire::decode(record.key.as_deref(), record.value.as_deref()) {
            Ok(entry) => entry,
            Err(error) => {
                error!(offset = record.offset, %error, "a directory record is passed over");
                self.metrics.bad_records.increment(1);
                return None;
            }
        };
        let event = match &entry {
            Entry::Event(listing) => Some(listing.event_id.clone()),
            Entry::Gone(event) => Some(event.clone()),
            Entry::Probe(_) => None,
        };
        if let Entry::Event(listing) = &entry {
            let (epoch, version, phase) = (listing.epoch, listing.version, listing.phase);
            info!(event = %listing.event_id, epoch, version, phase = phase.as_str(), "directory");
        }
        self.folded.fold(entry);
        event
    }

    /// The topic is shorter than it was, or its start was cut away. What was folded stays: the
    /// maximum of what is known and what is read again is right in either case.
    fn begin_again(&mut self, next: i64) {
        error!(offset = next, "the directory's topic does not hold this offset: reading it again");
        self.next = None;
    }
}
