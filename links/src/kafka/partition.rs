//! One partition: produce, fetch, bounds.

use std::sync::Arc;
use std::time::Duration;

use rskafka::client::error::Error;
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::info;

use super::client::Kafka;
use super::error::{KafkaError, classify};
use super::record::{Bounds, Fetched, NewRecord, StoredRecord};

/// To find and reach the partition's leader.
const LEADER_TIMEOUT: Duration = Duration::from_secs(2);
/// For a produce, once the leader is reached.
const PRODUCE_TIMEOUT: Duration = Duration::from_secs(5);
/// For a fetch beyond the time that it asks the broker to wait.
const FETCH_MARGIN: Duration = Duration::from_secs(2);
/// For the first or the last offset.
const OFFSET_TIMEOUT: Duration = Duration::from_secs(2);
/// A failed partition is reached for again after this long; doubled by each failure in a row…
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One partition of a topic. After a failure the next call reaches for the leader afresh, which
/// takes 5 s at most (1 s of pause, 2 s for a broker, 2 s for the leader) before its own deadline
/// begins. Other partitions are not touched by it.
pub struct Partition {
    kafka: Kafka,
    topic: Arc<str>,
    number: i32,
    link: Mutex<Link>,
}

/// The way to the leader, or how often it was lost.
#[derive(Default)]
struct Link {
    client: Option<Arc<PartitionClient>>,
    /// Of the shared client that was last used.
    generation: u64,
    failures: u32,
    not_before: Option<Instant>,
}

impl Partition {
    pub(super) fn new(kafka: Kafka, topic: Arc<str>, number: i32) -> Self {
        Self { kafka, topic, number, link: Mutex::default() }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition's number.
    pub fn number(&self) -> i32 {
        self.number
    }

    /// Appends records as one batch, not compressed, acknowledged by all in-sync replicas, within
    /// 5 s; returns the offset of the first. After any error but `NotSent` and `Refused` they may
    /// have been written, now or a little later. No records: 0, and nothing is sent.
    pub async fn produce(&self, records: Vec<NewRecord>) -> Result<i64, KafkaError> {
        if records.is_empty() {
            return Ok(0);
        }
        let client = self.leader().await?;
        let records = records.into_iter().map(Into::into).collect();
        let produce = client.produce(records, Compression::NoCompression);
        let answer = timeout(PRODUCE_TIMEOUT, produce).await;
        let answer = flatten(answer, "produce", PRODUCE_TIMEOUT, -1);
        let offsets = self.noticing(&client, answer).await?;
        offsets
            .first()
            .copied()
            .ok_or_else(|| KafkaError::Unknown("a produce without offsets".to_owned()))
    }

    /// Reads records from `offset` on: about `max_bytes` of them, or what there is after
    /// `max_wait_ms`, within 2 s more than that.
    pub async fn fetch(
        &self,
        offset: i64,
        max_bytes: i32,
        max_wait_ms: u32,
    ) -> Result<Fetched, KafkaError> {
        let client = self.leader().await?;
        let deadline = Duration::from_millis(max_wait_ms.into()) + FETCH_MARGIN;
        let wait_ms = max_wait_ms.try_into().unwrap_or(i32::MAX);
        let fetch = client.fetch_records(offset, 1..max_bytes, wait_ms);
        let answer = flatten(timeout(deadline, fetch).await, "fetch", deadline, offset);
        let (records, high_watermark) = self.noticing(&client, answer).await?;
        Ok(Fetched {
            records: records.into_iter().map(StoredRecord::from).collect(),
            high_watermark,
        })
    }

    /// The first offset that the partition still holds and the one behind its last.
    pub async fn bounds(&self) -> Result<Bounds, KafkaError> {
        Ok(Bounds {
            earliest: self.offset(OffsetAt::Earliest).await?,
            end: self.offset(OffsetAt::Latest).await?,
        })
    }

    async fn offset(&self, at: OffsetAt) -> Result<i64, KafkaError> {
        let client = self.leader().await?;
        let answer = timeout(OFFSET_TIMEOUT, client.get_offset(at)).await;
        let answer = flatten(answer, "question for an offset", OFFSET_TIMEOUT, -1);
        self.noticing(&client, answer).await
    }

    /// The leader, reached for where that is needed. One at a time, so that calls which failed
    /// together make one fresh client.
    async fn leader(&self) -> Result<Arc<PartitionClient>, KafkaError> {
        let mut link = self.link.lock().await;
        if let Some(client) = &link.client {
            return Ok(Arc::clone(client));
        }
        if let Some(not_before) = link.not_before {
            sleep_until(not_before).await;
        }
        let reached = self.reach(link.generation).await;
        match reached {
            Ok((generation, client)) => {
                link.generation = generation;
                link.client = Some(Arc::clone(&client));
                Ok(client)
            }
            Err((generation, error)) => {
                link.generation = generation;
                link.failed();
                Err(error)
            }
        }
    }

    async fn reach(&self, failed: u64) -> Result<(u64, Arc<PartitionClient>), (u64, KafkaError)> {
        let (generation, client) =
            self.kafka.client(failed).await.map_err(|error| (failed, error))?;
        let topic = self.topic.as_ref();
        let leader = client.partition_client(topic, self.number, UnknownTopicHandling::Error);
        let not_sent = |error: String| {
            let text = format!("{topic}/{}: no leader: {error}", self.number);
            (generation, KafkaError::NotSent(text))
        };
        let leader = timeout(LEADER_TIMEOUT, leader)
            .await
            .map_err(|_| not_sent(format!("no answer within {LEADER_TIMEOUT:?}")))?
            .map_err(|error| not_sent(error.to_string()))?;
        Ok((generation, Arc::new(leader)))
    }

    /// Drops the way to the leader after a failure that it may have a part in.
    async fn noticing<T>(
        &self,
        used: &Arc<PartitionClient>,
        answer: Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let mut link = self.link.lock().await;
        match &answer {
            Ok(_) => link.failures = 0,
            Err(KafkaError::OutOfRange { .. } | KafkaError::Refused(_)) => {}
            Err(error) if link.client.as_ref().is_some_and(|now| Arc::ptr_eq(now, used)) => {
                info!(topic = %self.topic, partition = self.number, %error, "lost the leader");
                link.client = None;
                link.failed();
            }
            // Somebody else's call failed before and a fresh client is there already.
            Err(_) => {}
        }
        answer
    }
}

impl Link {
    fn failed(&mut self) {
        self.not_before = Some(Instant::now() + pause(self.failures));
        self.failures = self.failures.saturating_add(1);
    }
}

/// The pause after so many failures in a row before this one.
fn pause(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

fn flatten<T>(
    answer: Result<Result<T, Error>, tokio::time::error::Elapsed>,
    what: &str,
    deadline: Duration,
    offset: i64,
) -> Result<T, KafkaError> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(classify(&error, offset)),
        Err(_) => Err(KafkaError::timed_out(what, deadline)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second() {
        assert_eq!(pause(0), Duration::from_millis(50));
        assert_eq!(pause(3), Duration::from_millis(400));
        assert_eq!(pause(5), LONGEST_PAUSE);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
