//! What Kafka has of an event, and what its outbox still holds.

use contract::ids::EventId;
use contract::keys::EventKeys;
use contract::record::{Issued, Record, decode};
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};
use links::kafka::{KafkaError, Partition, StoredRecord};
use rig::stack::wait_until;

use crate::stack::{SOON, Stack};

const FETCH_BYTES: i32 = 4 * 1024 * 1024;
const FETCH_WAIT_MS: u32 = 100;

/// All partitions, from where they ended at some moment on.
pub(crate) struct Published {
    partitions: Vec<(Partition, i64)>,
}

/// A win's record.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) issued: Issued,
    pub(crate) record: StoredRecord,
}

impl Published {
    /// From now on.
    pub(crate) async fn from_now(stack: &Stack) -> Self {
        let mut partitions = Vec::new();
        for number in 0..COUPON_ISSUED_PARTITIONS {
            let partition = stack.kafka.partition(COUPON_ISSUED, number);
            // Boxed: futures so deep within each other are beyond the compiler.
            let bounds = || Box::pin(partition.bounds());
            let bounds = wait_until(SOON, "a partition's end", bounds).await.unwrap();
            partitions.push((partition, bounds.end));
        }
        Self { partitions }
    }

    /// Every record of an event's wins since then.
    pub(crate) async fn wins_of(&self, event: &EventId) -> Vec<Found> {
        // A broker that was stopped a moment ago may not lead yet what it is asked for.
        let look = || self.look(event);
        wait_until(SOON, "all of a topic's records", look).await.unwrap()
    }

    async fn look(&self, event: &EventId) -> Result<Vec<Found>, KafkaError> {
        let mut found = Vec::new();
        for (partition, begin) in &self.partitions {
            let end = partition.bounds().await?.end;
            let mut next = *begin;
            while next < end {
                let fetched = partition.fetch(next, FETCH_BYTES, FETCH_WAIT_MS).await?;
                next = fetched.records.last().map_or(next, |last| last.offset + 1);
                found.extend(fetched.records.into_iter().filter_map(|record| of(event, record)));
            }
        }
        Ok(found)
    }
}

fn of(event: &EventId, record: StoredRecord) -> Option<Found> {
    match decode(record.value.as_deref()?) {
        Ok(Record::Issued(issued)) if issued.event_id == *event => Some(Found { issued, record }),
        _ => None,
    }
}

/// Waits until nothing of an event waits for Kafka's acknowledgement.
pub(crate) async fn outbox_is_empty(stack: &Stack, event: &EventId) {
    let outbox = EventKeys::new(event).outbox;
    let look = || async {
        match stack.command(event, &outbox, &["XLEN"]).await.integer() {
            Some(0) => Ok(()),
            length => Err(format!("{length:?} entries")),
        }
    };
    wait_until(SOON, "an empty outbox", look).await.unwrap();
}
