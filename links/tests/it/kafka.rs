//! Produce, fetch and bounds, with all brokers and without one.

use std::collections::BTreeMap;
use std::time::Duration;

use links::kafka::{Bounds, Kafka, KafkaError, NewRecord, Partition, Retry};
use rig::stack::{Action, Handle, PartKind, exclusive, shared, wait_until};
use tokio::task::JoinSet;

use crate::stack::{HEALED, HUNG, KILLED, SOON, without};

const PARTITIONS: i32 = 6;
const MAX_BYTES: i32 = 1 << 20;
const MAX_WAIT_MS: u32 = 200;

async fn kafka_with_topic(handle: &Handle) -> (Kafka, String) {
    let brokers: Vec<String> =
        handle.addresses(PartKind::Kafka).iter().map(ToString::to_string).collect();
    let topic = format!("links-{}", uuid::Uuid::now_v7().simple());
    let admin = rskafka::client::ClientBuilder::new(brokers.clone()).build().await.unwrap();
    let admin = admin.controller_client().unwrap();
    admin.create_topic(&topic, PARTITIONS, 3, 5_000).await.unwrap();
    (Kafka::plain(brokers), topic)
}

fn record(key: &str, value: &str) -> NewRecord {
    NewRecord {
        key: key.into(),
        value: Some(value.into()),
        headers: BTreeMap::from([("event-id".to_owned(), b"spring".to_vec())]),
    }
}

/// A topic that was just made is not known to every broker yet.
async fn produced(partition: &Partition, records: &[NewRecord]) -> i64 {
    let produce = || partition.produce(records.to_vec());
    wait_until(HEALED, "a produce", produce).await.unwrap()
}

#[tokio::test]
async fn what_was_produced_is_fetched_in_order() {
    let _guard = shared().await;
    let (kafka, topic) = kafka_with_topic(&Handle::from_env().unwrap()).await;
    let partition = kafka.partition(topic.as_str(), 3);
    let tombstone = NewRecord { value: None, ..record("b", "") };
    let first = produced(&partition, &[record("a", "1"), tombstone.clone()]).await;
    assert_eq!(first, 0);
    assert_eq!(partition.produce(vec![record("c", "3")]).await, Ok(2));
    assert_eq!(partition.produce(Vec::new()).await, Ok(0));

    let fetched = partition.fetch(0, MAX_BYTES, MAX_WAIT_MS).await.unwrap();
    assert_eq!(fetched.high_watermark, 3);
    assert_eq!(fetched.records.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 2]);
    let got = &fetched.records[0];
    assert_eq!(got.key.as_deref(), Some(b"a".as_slice()));
    assert_eq!(got.value.as_deref(), Some(b"1".as_slice()));
    assert_eq!(got.headers, record("a", "1").headers);
    assert!(got.timestamp_ms > 0);
    assert_eq!(fetched.records[1].value, None);

    let tail = partition.fetch(2, MAX_BYTES, MAX_WAIT_MS).await.unwrap();
    assert_eq!(tail.records.len(), 1, "records of a batch before the offset are left out");
    let end = partition.fetch(3, MAX_BYTES, MAX_WAIT_MS).await.unwrap();
    assert_eq!((end.records.len(), end.high_watermark), (0, 3));
    assert_eq!(partition.bounds().await, Ok(Bounds { earliest: 0, end: 3 }));
}

#[tokio::test]
async fn an_offset_that_is_not_there_is_out_of_range() {
    let _guard = shared().await;
    let (kafka, topic) = kafka_with_topic(&Handle::from_env().unwrap()).await;
    let partition = kafka.partition(topic.as_str(), 0);
    produced(&partition, &[record("a", "1")]).await;
    let beyond = partition.fetch(7, MAX_BYTES, MAX_WAIT_MS).await;
    assert_eq!(beyond, Err(KafkaError::OutOfRange { offset: 7 }));
    assert_eq!(partition.fetch(0, MAX_BYTES, MAX_WAIT_MS).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn what_kafka_will_never_take_is_permanent_and_the_next_record_lands() {
    let _guard = shared().await;
    let (kafka, topic) = kafka_with_topic(&Handle::from_env().unwrap()).await;
    let partition = kafka.partition(topic.as_str(), 0);
    produced(&partition, &[record("a", "1")]).await;
    let too_large = record("b", &"x".repeat(4 << 20));
    let refused = partition.produce(vec![too_large]).await.unwrap_err();
    assert_eq!(refused.retry(), Retry::Permanent, "{refused}");
    assert_eq!(partition.produce(vec![record("c", "3")]).await, Ok(1));
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_an_error_in_time() {
    let _guard = shared().await;
    let (kafka, _) = kafka_with_topic(&Handle::from_env().unwrap()).await;
    let partition = kafka.partition("links-no-such-topic", 0);
    let error = partition.produce(vec![record("a", "1")]).await.unwrap_err();
    assert!(matches!(error, KafkaError::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn no_broker_is_an_error_in_time() {
    let partition = Kafka::plain(vec!["127.0.0.1:1".to_owned()]).partition("any", 0);
    let error = partition.bounds().await.unwrap_err();
    assert!(matches!(error, KafkaError::NotSent(_)), "{error:?}");
    assert_eq!(error.retry(), Retry::Transient);
}

#[tokio::test]
async fn every_partition_goes_on_without_a_killed_broker() {
    goes_on_without("kafka-1", KILLED).await;
}

#[tokio::test]
async fn every_partition_goes_on_without_a_broker_that_hangs() {
    goes_on_without("kafka-2", HUNG).await;
}

/// Takes a broker away, produces to every partition, and finds every acknowledged record.
async fn goes_on_without(broker: &str, fault: (Action, Action)) {
    let _guard = exclusive().await;
    let handle = Handle::from_env().unwrap();
    let (kafka, topic) = kafka_with_topic(&handle).await;
    each_partition(&kafka, &topic, "before").await;

    let (same_kafka, same_topic) = (kafka.clone(), topic.clone());
    let produce = async move { each_partition(&same_kafka, &same_topic, "without").await };
    without(&handle, broker, fault, produce).await;
    each_partition(&kafka, &topic, "after").await;

    for number in 0..PARTITIONS {
        let partition = kafka.partition(topic.as_str(), number);
        let keys = || async {
            let fetched = partition.fetch(0, MAX_BYTES, MAX_WAIT_MS).await?;
            Ok::<_, KafkaError>(fetched.records.into_iter().filter_map(|record| record.key))
        };
        let keys: Vec<Vec<u8>> = wait_until(SOON, "a fetch", keys).await.unwrap().collect();
        for wanted in ["before", "without", "after"] {
            assert!(keys.contains(&wanted.into()), "{wanted} is missing on {number}: {keys:?}");
        }
    }
}

/// Produces to all partitions at once, each until it succeeds.
async fn each_partition(kafka: &Kafka, topic: &str, key: &'static str) {
    let mut all = JoinSet::new();
    for number in 0..PARTITIONS {
        let partition = kafka.partition(topic, number);
        all.spawn(async move { produced(&partition, &[record(key, "1")]).await });
    }
    let every = tokio::time::timeout(HEALED + Duration::from_secs(10), all.join_all()).await;
    assert_eq!(every.unwrap().len(), usize::try_from(PARTITIONS).unwrap());
}
