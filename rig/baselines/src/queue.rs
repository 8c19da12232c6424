//! To Kafka, as its own clients do it: a buffer, a short linger, one produce at a time.

use std::time::Duration;

use contract::ids::{EventId, UserId};
use links::kafka::{Kafka, KafkaError, NewRecord, Partition, Retry};
use rskafka::BackoffConfig;
use rskafka::client::ClientBuilder;
use rskafka::client::error::{Error, ProtocolError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::error::{Failed, within};

/// One for each broker to lead: fewer and larger batches than the twelve of `coupon-issued`.
pub(crate) const PARTITIONS: i32 = 3;
/// Copies.
const REPLICAS: i16 = 3;
/// For Kafka to make a topic.
const MAKE_WITHIN: Duration = Duration::from_secs(10);
/// What Kafka's own client waits for more records by default since version 4.
const LINGER: Duration = Duration::from_millis(5);
/// Records of one produce.
const MAX_RECORDS: usize = 1_000;
/// Records that wait for one partition.
const MAX_QUEUED: usize = 10_000;
/// A claim waits so long for room in the buffer.
const ROOM_WITHIN: Duration = Duration::from_secs(5);
/// Tries of one batch.
const MAX_TRIES: u32 = 5;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);

/// A record, and who waits for Kafka to have it.
struct Queued {
    record: NewRecord,
    done: oneshot::Sender<Result<(), KafkaError>>,
}

/// Sends records to a topic; users are spread over its partitions.
pub(crate) struct Queue {
    partitions: Vec<mpsc::Sender<Queued>>,
    // Ends the workers with the queue.
    _workers: JoinSet<()>,
}

impl Queue {
    /// A queue to a topic that exists.
    pub(crate) fn new(kafka: &Kafka, topic: &str) -> Self {
        let mut workers = JoinSet::new();
        let partitions = (0..PARTITIONS).map(|number| {
            let (sender, receiver) = mpsc::channel(MAX_QUEUED);
            workers.spawn(work(kafka.partition(topic, number), receiver));
            sender
        });
        Self { partitions: partitions.collect(), _workers: workers }
    }

    /// Puts a record into the buffer. What is returned tells when Kafka has it.
    pub(crate) async fn send(
        &self,
        user: &UserId,
        value: Vec<u8>,
    ) -> Result<oneshot::Receiver<Result<(), KafkaError>>, Failed> {
        let key = user.as_str().as_bytes().to_vec();
        let partition = contract::topics::partition_of(&key) % PARTITIONS;
        let (done, told) = oneshot::channel();
        let record = NewRecord { key, value: Some(value), headers: Default::default() };
        let sender = &self.partitions[partition.unsigned_abs() as usize];
        within(ROOM_WITHIN, "room in the buffer to Kafka", async {
            let sent = sender.send(Queued { record, done }).await;
            sent.map_err(|_| Failed::Unusable("the producer has ended"))
        })
        .await?;
        Ok(told)
    }
}

async fn work(partition: Partition, mut queue: mpsc::Receiver<Queued>) {
    while let Some(first) = queue.recv().await {
        sleep(LINGER).await;
        let mut batch = vec![first];
        while batch.len() < MAX_RECORDS {
            match queue.try_recv() {
                Ok(queued) => batch.push(queued),
                Err(_) => break,
            }
        }
        let (records, waiting): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|queued| (queued.record, queued.done)).unzip();
        let produced = produce(&partition, records).await;
        if let Err(error) = &produced {
            eprintln!("baseline: {} records are lost: {error}", waiting.len());
        }
        for done in waiting {
            // Nobody listens where the answer does not depend on it.
            let _ = done.send(produced.clone());
        }
    }
}

async fn produce(partition: &Partition, records: Vec<NewRecord>) -> Result<(), KafkaError> {
    let mut tries = 1;
    loop {
        match partition.produce(records.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.retry() == Retry::Permanent || tries == MAX_TRIES => {
                return Err(error);
            }
            Err(_) => sleep(PAUSE).await,
        }
        tries += 1;
    }
}

/// Makes a topic, unless it is there, and waits until all brokers know it.
pub(crate) async fn make_topic(brokers: &[String], topic: &str) -> Result<(), Failed> {
    let retries = BackoffConfig { deadline: Some(MAKE_WITHIN), ..BackoffConfig::default() };
    within(MAKE_WITHIN, "a new topic", async {
        let client = ClientBuilder::new(brokers.to_vec()).backoff_config(retries).build().await?;
        let limit_ms = MAKE_WITHIN.as_millis().try_into().unwrap_or(i32::MAX);
        let controller = client.controller_client()?;
        let made = controller.create_topic(topic, PARTITIONS, REPLICAS, limit_ms);
        match made.await {
            Err(Error::ServerError {
                protocol_error: ProtocolError::TopicAlreadyExists, ..
            }) => Ok(()),
            made => made,
        }
    })
    .await?;
    within(MAKE_WITHIN, "a new topic at all brokers", async {
        Kafka::plain(brokers.to_vec()).until_all_know(topic).await;
        Ok::<(), KafkaError>(())
    })
    .await
}

/// The topic of a baseline's event.
pub(crate) fn topic(baseline: &str, event: &EventId) -> String {
    format!("bench_{baseline}.{event}")
}
