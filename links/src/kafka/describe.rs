//! How Kafka stands and how topics are set: two questions that rskafka does not ask. They are asked
//! rarely, each on a connection of its own that ends with the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::client::Kafka;
use super::error::KafkaError;
use super::exchange::exchange;
use super::questions::{self, BadAnswer};

/// For one broker's answer, its connection included.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks at a topic that is not known everywhere.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The cluster, as one of its brokers sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KafkaView {
    /// Brokers that are there.
    pub brokers: Vec<Broker>,
    /// Those of the asked topics that exist.
    pub topics: Vec<TopicView>,
}

impl KafkaView {
    /// Whether the topic is there and each of its partitions has a leader.
    fn leads_all_of(&self, topic: &str) -> bool {
        let found = self.topics.iter().find(|found| found.name == topic);
        found.is_some_and(|found| found.partitions.iter().all(|one| one.leader.is_some()))
    }
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its number.
    pub id: i32,
    /// Where clients reach it.
    pub host: String,
    /// Where clients reach it.
    pub port: i32,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicView {
    /// Its name.
    pub name: String,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionView>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionView {
    /// Its number.
    pub number: i32,
    /// The broker that leads it; None: nobody does.
    pub leader: Option<i32>,
    /// The brokers that are to hold it.
    pub replicas: Vec<i32>,
    /// Those of them that hold all of it, by number.
    pub in_sync: Vec<i32>,
}

impl PartitionView {
    /// Whether it has a leader, and every replica holds all of it.
    pub fn is_whole(&self) -> bool {
        self.leader.is_some() && self.in_sync.len() == self.replicas.len()
    }
}

/// A topic's settings, defaults of the cluster included.
pub type TopicSettings = BTreeMap<String, String>;

impl Kafka {
    /// How one broker sees these topics. The caller sets the deadline.
    pub async fn seen_by(&self, broker: &str, topics: &[&str]) -> Result<KafkaView, KafkaError> {
        let question = questions::metadata(topics).map_err(unreadable)?;
        let answer = exchange(self.config(), broker, &question).await;
        let answer = answer.map_err(|error| KafkaError::NotSent(format!("{broker}: {error}")))?;
        questions::read_metadata(answer).map_err(unreadable)
    }

    /// How each broker that is named to us or by another sees these topics, asked at once, within
    /// 2 s a broker: those that others name are asked after.
    pub async fn views(&self, topics: &[&str]) -> Vec<(String, Result<KafkaView, KafkaError>)> {
        let mut views = self.seen_by_each(self.brokers().to_vec(), topics).await;
        let named = views.iter().filter_map(|(_, view)| view.as_ref().ok());
        let named = named.flat_map(|view| &view.brokers);
        let mut others: Vec<String> =
            named.map(|broker| format!("{}:{}", broker.host, broker.port)).collect();
        others.sort();
        others.dedup();
        others.retain(|other| views.iter().all(|(broker, _)| broker != other));
        views.extend(self.seen_by_each(others, topics).await);
        views
    }

    /// How topics are set, by their names; one that is missing is left out.
    pub async fn settings_of(
        &self,
        topics: &[&str],
    ) -> Result<BTreeMap<String, TopicSettings>, KafkaError> {
        let answer = self.ask(&questions::topic_settings(topics).map_err(unreadable)?).await?;
        questions::read_topic_settings(answer).map_err(unreadable)
    }

    /// Waits until each broker knows the topic and who leads its partitions: brokers learn of one
    /// that was just made one after another. The caller sets the deadline.
    pub async fn until_all_know(&self, topic: &str) {
        for broker in self.brokers() {
            while !self.seen_by(broker, &[topic]).await.is_ok_and(|view| view.leads_all_of(topic)) {
                sleep(LOOK_AGAIN).await;
            }
        }
    }

    /// The first answer of a broker, asked one after another.
    async fn ask(&self, question: &[u8]) -> Result<Bytes, KafkaError> {
        let mut last = "no broker is named".to_owned();
        for broker in self.brokers() {
            match timeout(ANSWER_WITHIN, exchange(self.config(), broker, question)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => last = format!("{broker}: {error}"),
                Err(_) => last = format!("{broker}: no answer within {ANSWER_WITHIN:?}"),
            }
        }
        Err(KafkaError::NotSent(last))
    }

    async fn seen_by_each(
        &self,
        brokers: Vec<String>,
        topics: &[&str],
    ) -> Vec<(String, Result<KafkaView, KafkaError>)> {
        let ask = |broker: String| async move {
            let view = timeout(ANSWER_WITHIN, self.seen_by(&broker, topics)).await;
            let view = view.unwrap_or_else(|_| Err(late(&broker)));
            (broker, view)
        };
        join_all(brokers.into_iter().map(ask)).await
    }
}

fn late(broker: &str) -> KafkaError {
    KafkaError::NotSent(format!("{broker}: no answer within {ANSWER_WITHIN:?}"))
}

fn unreadable(bad: BadAnswer) -> KafkaError {
    KafkaError::Unknown(bad.to_string())
}
