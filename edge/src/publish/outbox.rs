//! Tells Redis which outbox entries Kafka has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::ids::EventId;
use links::redis::Cluster;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::info;

use super::Publication;
use crate::failpoint::Point;
use crate::metrics::PublishMetrics;

/// Entries that may wait to be sorted by their events; one more is left to the relay, which
/// publishes it again.
const MAX_UNSORTED: usize = 16_384;
/// Entries of one event that may wait to be deleted; as above.
const MAX_WAITING: usize = 4_096;
/// Entries of one event that one call deletes.
const MAX_IDS: usize = 512;
/// After a call for an event: more entries gather for the next one.
const GATHER: Duration = Duration::from_millis(20);
/// Events that are told at once.
const MAX_CALLS: usize = 16;
/// Tries for one call; then its entries are left to the relay.
const MAX_TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// An entry all of whose wins Kafka has.
struct Entry {
    event: EventId,
    id: String,
}

/// Where workers say what Kafka has. A clone is cheap.
#[derive(Clone)]
pub(super) struct Acknowledging {
    entries: mpsc::Sender<Entry>,
    metrics: PublishMetrics,
}

impl Acknowledging {
    /// Has the publication's outbox entry deleted, if it has one.
    pub(super) fn acknowledge(&self, publication: &Publication) {
        let Some(id) = publication.entry.clone() else {
            return;
        };
        let entry = Entry { event: publication.event.clone(), id };
        if self.entries.try_send(entry).is_err() {
            self.metrics.left_to_relay.increment(1);
        }
    }
}

/// Deletes entries: one call at a time an event, so that a shard that hangs holds up its own.
pub(super) struct Outbox {
    cluster: Cluster,
    entries: mpsc::Receiver<Entry>,
    waiting: BTreeMap<EventId, Vec<String>>,
    calling: BTreeSet<EventId>,
    calls: JoinSet<EventId>,
    metrics: PublishMetrics,
}

impl Outbox {
    pub(super) fn new(cluster: Cluster, metrics: PublishMetrics) -> (Self, Acknowledging) {
        let (sender, entries) = mpsc::channel(MAX_UNSORTED);
        let outbox = Self {
            cluster,
            entries,
            waiting: BTreeMap::new(),
            calling: BTreeSet::new(),
            calls: JoinSet::new(),
            metrics: metrics.clone(),
        };
        (outbox, Acknowledging { entries: sender, metrics })
    }

    /// Deletes until no more entries can come and all are told.
    pub(super) async fn run(mut self) {
        let mut open = true;
        while open || !self.calls.is_empty() {
            tokio::select! {
                entry = self.entries.recv(), if open => match entry {
                    Some(entry) => self.sort(entry),
                    None => open = false,
                },
                Some(called) = self.calls.join_next() => {
                    self.calling.remove(&called.expect("a call neither panics nor is aborted"));
                }
            }
            self.call();
        }
    }

    fn sort(&mut self, entry: Entry) {
        let ids = self.waiting.entry(entry.event).or_default();
        if ids.len() < MAX_WAITING {
            ids.push(entry.id);
        } else {
            self.metrics.left_to_relay.increment(1);
        }
    }

    /// Begins calls for events that wait and are not being told.
    fn call(&mut self) {
        while self.calls.len() < MAX_CALLS {
            let next = self.waiting.keys().find(|event| !self.calling.contains(*event));
            let Some(event) = next.cloned() else {
                return;
            };
            let ids = self.take(&event);
            self.calling.insert(event.clone());
            self.calls.spawn(delete(self.cluster.clone(), event, ids, self.metrics.clone()));
        }
    }

    fn take(&mut self, event: &EventId) -> Vec<String> {
        let ids = self.waiting.get_mut(event).expect("it was found among the keys");
        let taken = ids.drain(..ids.len().min(MAX_IDS)).collect();
        if ids.is_empty() {
            self.waiting.remove(event);
        }
        taken
    }
}

async fn delete(
    cluster: Cluster,
    event: EventId,
    ids: Vec<String>,
    metrics: PublishMetrics,
) -> EventId {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    Point::BeforeOutboxAck.reach();
    for attempt in 1..=MAX_TRIES {
        match cluster.acknowledge(&event, &ids).await {
            Ok(_) => {
                metrics.acknowledged.increment(ids.len() as u64);
                sleep(GATHER).await;
                return event;
            }
            Err(error) => {
                info!(%event, entries = ids.len(), attempt, %error, "outbox entries not deleted");
                sleep(PAUSE).await;
            }
        }
    }
    metrics.left_to_relay.increment(ids.len() as u64);
    event
}
