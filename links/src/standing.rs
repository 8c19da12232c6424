//! How a server that a program needs stands, and since when: what both programs say in `/health`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use contract::topics::{COUPON_ISSUED, DIRECTORY};
use serde::{Serialize, Serializer};
use tokio::time::sleep;

use crate::kafka::{Kafka, KafkaError, KafkaView, PartitionView};
use crate::redis::{Cluster, Failing, Slot, Topology};

/// Between two looks at Kafka: one small question to each broker, far below what it notices.
const KAFKA_INTERVAL: Duration = Duration::from_secs(3);
/// Between two looks at what is known of Redis; nobody is asked for it.
const REDIS_INTERVAL: Duration = Duration::from_secs(1);
/// The topics that a claim needs on its way.
const TOPICS: [&str; 2] = [COUPON_ISSUED, DIRECTORY];

/// How a server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All of it is there.
    Ok,
    /// Part of it is missing.
    Degraded,
    /// It cannot be used.
    Down,
    /// Nobody has looked yet.
    Unknown,
}

/// A server that a program needs, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// redis, kafka, directory, mysql, keys.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// Since when it stands so; RFC 3339 in UTC.
    #[serde(serialize_with = "as_rfc3339")]
    pub since: DateTime<Utc>,
    /// What is missing; empty: nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Dependency {
    /// Whether anything of it is known to be missing.
    pub fn lacks_something(&self) -> bool {
        matches!(self.state, State::Degraded | State::Down)
    }
}

/// Remembers since when a server stands as it does. Its lock is held for a few instructions, by
/// whoever looks and by `/health`; no claim comes here.
#[derive(Debug)]
pub struct Watched(Mutex<Dependency>);

impl Watched {
    /// A server that nobody has looked at.
    pub fn new(name: &'static str) -> Self {
        let detail = "not asked yet".to_owned();
        Self(Mutex::new(Dependency { name, state: State::Unknown, since: Utc::now(), detail }))
    }

    /// It was seen to stand so.
    pub fn note(&self, state: State, detail: impl Into<String>) {
        let mut dependency = self.lock();
        if dependency.state != state {
            dependency.state = state;
            dependency.since = Utc::now();
        }
        dependency.detail = detail.into();
    }

    /// How it was seen to stand last.
    pub fn last(&self) -> Dependency {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Dependency> {
        // A thread that panicked here left a whole value behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes how Kafka stands, until it is dropped.
pub async fn watch_kafka(kafka: &Kafka, watched: &Watched) {
    loop {
        let (state, detail) = of_kafka(&kafka.views(&TOPICS).await);
        watched.note(state, detail);
        sleep(KAFKA_INTERVAL).await;
    }
}

/// Notes how Redis stands, until it is dropped.
pub async fn watch_redis(cluster: &Cluster, watched: &Watched) {
    loop {
        let (state, detail) = of_redis(&cluster.topology());
        watched.note(state, detail);
        sleep(REDIS_INTERVAL).await;
    }
}

/// How Redis stands, by what its nodes say of each other.
pub fn of_redis(topology: &Topology) -> (State, String) {
    let missing = topology.slots_without_master();
    let down = nodes_down(topology);
    let detail = match (missing, down) {
        (0, 0) => String::new(),
        (0, down) => format!("nodes down: {down}"),
        (missing, down) => format!("nodes down: {down}; slots without a master: {missing}"),
    };
    let state = if missing >= Slot::COUNT {
        State::Down
    } else if missing > 0 || down > 0 {
        State::Degraded
    } else {
        State::Ok
    };
    (state, detail)
}

/// Nodes that do not answer us, or that a majority of the masters calls down.
pub fn nodes_down(topology: &Topology) -> usize {
    let nodes = topology.nodes().iter();
    nodes.filter(|node| node.failing == Failing::Agreed || !node.answers).count()
}

/// How Kafka stands, by who answers, and by what the first of them says of the topics that a claim
/// needs. Both are asked: without a majority of the controllers nobody tells a broker what is gone.
fn of_kafka(views: &[(String, Result<KafkaView, KafkaError>)]) -> (State, String) {
    let Some(view) = views.iter().find_map(|(_, view)| view.as_ref().ok()) else {
        let last = views.iter().rev().find_map(|(_, view)| view.as_ref().err());
        return (State::Down, last.map_or("no broker is named".to_owned(), ToString::to_string));
    };
    let silent = views.iter().filter(|(_, view)| view.is_err());
    let silent: Vec<&str> = silent.map(|(broker, _)| broker.as_str()).collect();
    match of_topics(view) {
        (State::Ok, _) if !silent.is_empty() => {
            (State::Degraded, format!("brokers that do not answer: {}", silent.join(", ")))
        }
        told => told,
    }
}

fn of_topics(view: &KafkaView) -> (State, String) {
    let is_there = |name: &&str| view.topics.iter().any(|topic| topic.name == **name);
    if let Some(missing) = TOPICS.iter().find(|name| !is_there(name)) {
        return (State::Down, format!("there is no topic {missing}"));
    }
    let partitions = || view.topics.iter().flat_map(|topic| &topic.partitions);
    let count = |is: fn(&PartitionView) -> bool| partitions().filter(|part| is(part)).count();
    let leaderless = count(|part| part.leader.is_none());
    let behind = count(|part| part.in_sync.len() < part.replicas.len());
    if leaderless == 0 && behind == 0 {
        return (State::Ok, String::new());
    }
    let all = partitions().count();
    let state = if leaderless == all { State::Down } else { State::Degraded };
    let detail = format!(
        "of {all} partitions {leaderless} have no leader, {behind} lack a replica in sync; brokers: {}",
        view.brokers.len()
    );
    (state, detail)
}

fn as_rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::TopicView;

    #[test]
    fn since_is_the_moment_of_the_last_change_and_no_later_look() {
        let watched = Watched::new("kafka");
        assert!(!watched.last().lacks_something(), "nobody knows");
        watched.note(State::Ok, "");
        let first = watched.last();
        watched.note(State::Ok, "well");
        assert_eq!(watched.last(), Dependency { detail: "well".to_owned(), ..first.clone() });
        watched.note(State::Down, "gone");
        let down = watched.last();
        assert!(down.lacks_something() && down.since >= first.since);
        watched.note(State::Down, "still gone");
        assert_eq!(watched.last().since, down.since);
    }

    fn partition(leader: Option<i32>, in_sync: &[i32]) -> PartitionView {
        PartitionView { number: 0, leader, replicas: vec![1, 2, 3], in_sync: in_sync.to_vec() }
    }

    fn says(
        broker: &str,
        view: Result<KafkaView, KafkaError>,
    ) -> (String, Result<KafkaView, KafkaError>) {
        (broker.to_owned(), view)
    }

    fn whole() -> PartitionView {
        partition(Some(1), &[1, 2, 3])
    }

    fn state(wins: Vec<PartitionView>, directory: PartitionView) -> State {
        let topic = |name: &str, partitions| TopicView { name: name.to_owned(), partitions };
        let topics = vec![topic(COUPON_ISSUED, wins), topic(DIRECTORY, vec![directory])];
        let view = KafkaView { brokers: Vec::new(), topics };
        of_kafka(&[says("kafka-1", Ok(view))]).0
    }

    #[test]
    fn kafka_is_degraded_by_a_replica_behind_and_down_without_any_leader() {
        assert_eq!(state(vec![whole()], whole()), State::Ok);
        assert_eq!(state(vec![partition(Some(1), &[1, 2])], whole()), State::Degraded);
        assert_eq!(state(vec![partition(None, &[1])], whole()), State::Degraded);
        assert_eq!(state(vec![partition(None, &[1])], partition(None, &[1])), State::Down);
        let no_topics = [says("kafka-1", Ok(KafkaView::default()))];
        assert_eq!(of_kafka(&no_topics).0, State::Down, "no topics");
    }

    #[test]
    fn brokers_that_are_gone_are_missed_although_one_that_is_left_knows_nothing_of_it() {
        let silent = |broker| says(broker, Err(KafkaError::NotSent("nobody".to_owned())));
        let topic = |name: &str| TopicView { name: name.to_owned(), partitions: vec![whole()] };
        let topics = vec![topic(COUPON_ISSUED), topic(DIRECTORY)];
        let left = says("kafka-1", Ok(KafkaView { brokers: Vec::new(), topics }));
        let told = of_kafka(&[left, silent("kafka-2"), silent("kafka-3")]);
        let detail = "brokers that do not answer: kafka-2, kafka-3".to_owned();
        assert_eq!(told, (State::Degraded, detail));
        let nobody = [silent("kafka-1"), silent("kafka-2")];
        assert_eq!(of_kafka(&nobody), (State::Down, "not sent: nobody".to_owned()));
        assert_eq!(of_kafka(&[]), (State::Down, "no broker is named".to_owned()));
    }
}
