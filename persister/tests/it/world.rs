//! The stack, as these tests use it.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::coupon::CouponState;
use contract::ids::{Attempt, CouponId, EventId, UserId};
use contract::keys::EventKeys;
use contract::record::{Issued, Record, Told, encode};
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_DLT, partition_of, record_key};
use links::kafka::{Kafka, KafkaError, NewRecord, Partition, StoredRecord};
use links::redis::{Cluster, RedisConfig, Reply, Script};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Params};
use persister::store::{DatabaseUrl, Store};
use rig::stack::{Handle, PartKind, wait_until};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Whatever is waited for here comes within seconds, or something is broken.
pub(crate) const SOON: Duration = Duration::from_secs(60);
const CALL: Duration = Duration::from_secs(20);
const FETCH_BYTES: i32 = 4 * 1024 * 1024;
const FETCH_WAIT_MS: u32 = 200;

pub(crate) struct World {
    pub(crate) handle: Handle,
    pub(crate) cluster: Cluster,
    pub(crate) kafka: Kafka,
}

/// What a subcommand printed and how it exited.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A row of `coupons`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) sequence: u64,
    pub(crate) user: String,
    pub(crate) nth: u32,
    pub(crate) coupon: Vec<u8>,
}

impl World {
    pub(crate) async fn open() -> Self {
        let handle = Handle::from_env().unwrap();
        let addresses = |kind| -> Vec<String> {
            handle.addresses(kind).iter().map(ToString::to_string).collect()
        };
        let nodes = addresses(PartKind::Redis);
        Self {
            cluster: Cluster::connect(RedisConfig::plain(nodes)).await.unwrap(),
            kafka: Kafka::plain(addresses(PartKind::Kafka)),
            handle,
        }
    }

    /// Runs a subcommand to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Ran {
        let output = self.handle.persister(words).await.unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `event …`, which must succeed.
    pub(crate) async fn event(&self, words: &[&str]) -> Value {
        let ran = self.run(&[&["event"], words, &["--json"]].concat()).await;
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        ran.json()
    }

    /// A new event that no other test has, armed and open.
    pub(crate) async fn open_event(&self, name: &str, stock: u32) -> EventId {
        let event = new_id(name);
        let stock = stock.to_string();
        let words = ["create", event.as_str(), "--stock", &stock, "--open", "--wait-s", "60"];
        let created = self.event(&words).await;
        assert_eq!(created["carried"], true, "{created}");
        event
    }

    pub(crate) async fn mysql(&self) -> Conn {
        let url = self.handle.mysql_url().unwrap();
        timeout(CALL, Conn::from_url(url)).await.unwrap().unwrap()
    }

    /// The stack's MySQL, as the persister asks it.
    pub(crate) fn store(&self) -> Store {
        Store::new(&DatabaseUrl::parse(&self.handle.mysql_url().unwrap()).unwrap())
    }

    /// All rows of a query, on a connection of its own.
    pub(crate) async fn query<T: FromRow + Send + 'static>(
        &self,
        sql: &str,
        params: impl Into<Params> + Send,
    ) -> Vec<T> {
        timeout(CALL, self.mysql().await.exec(sql, params)).await.unwrap().unwrap()
    }

    /// An event's rows, by sequence.
    pub(crate) async fn rows(&self, event: &EventId) -> Vec<Row> {
        let sql = "SELECT sequence, user_id, user_nth, coupon_id FROM coupons \
                   WHERE event_id = ? ORDER BY sequence";
        let rows: Vec<(u64, String, u32, Vec<u8>)> = self.query(sql, (event.as_str(),)).await;
        let row = |(sequence, user, nth, coupon)| Row { sequence, user, nth, coupon };
        rows.into_iter().map(row).collect()
    }

    /// Waits until an event has so many rows, and returns them.
    pub(crate) async fn rows_when(&self, event: &EventId, count: usize) -> Vec<Row> {
        let look = || async {
            let rows = self.rows(event).await;
            if rows.len() >= count { Ok(rows) } else { Err(format!("{} rows", rows.len())) }
        };
        wait_until(SOON, &format!("{count} rows of {event}"), look).await.unwrap()
    }

    /// An event's dead letters as (offset, reason, message), by part and offset.
    pub(crate) async fn dead_letters(&self, event: &EventId) -> Vec<(i64, String, String)> {
        let sql = "SELECT kafka_offset, reason, message FROM dead_letters \
                   WHERE event_id = ? ORDER BY part, kafka_offset";
        self.query(sql, (event.as_str(),)).await
    }

    /// Waits until an event has so many dead letters, and returns them.
    pub(crate) async fn dead_letters_when(
        &self,
        event: &EventId,
        count: usize,
    ) -> Vec<(i64, String, String)> {
        let look = || async {
            let letters = self.dead_letters(event).await;
            if letters.len() >= count { Ok(letters) } else { Err(format!("{letters:?}")) }
        };
        wait_until(SOON, &format!("{count} dead letters of {event}"), look).await.unwrap()
    }

    /// Produces records to one partition of `coupon-issued`; returns the first one's offset.
    pub(crate) async fn produce(&self, part: i32, records: Vec<NewRecord>) -> i64 {
        self.produce_to(COUPON_ISSUED, part, records).await
    }

    /// Produces records to one partition of a topic; returns the first one's offset.
    pub(crate) async fn produce_to(
        &self,
        topic: &'static str,
        part: i32,
        records: Vec<NewRecord>,
    ) -> i64 {
        let partition = self.kafka.partition(topic, part);
        // Boxed: futures so deep within each other are beyond the compiler.
        let produce = || Box::pin(partition.produce(records.clone()));
        wait_until(SOON, "a produce", produce).await.unwrap()
    }

    /// All records of a partition, as whoever begins to read it now finds them.
    pub(crate) async fn records(&self, topic: &'static str, part: i32) -> Vec<StoredRecord> {
        let partition = self.kafka.partition(topic, part);
        // A broker that was away a moment ago may not lead yet what it is asked for.
        let read = || Box::pin(all_of(&partition));
        wait_until(SOON, "all records of a partition", read).await.unwrap()
    }

    /// Produces wins, each to its user's partition, in their order.
    pub(crate) async fn produce_wins(&self, wins: &[Issued]) {
        let mut by_part: BTreeMap<i32, Vec<NewRecord>> = BTreeMap::new();
        for win in wins {
            let record = record_of(win);
            by_part.entry(partition_of(&record.key)).or_default().push(record);
        }
        for (part, records) in by_part {
            self.produce(part, records).await;
        }
    }

    /// All of the dead-letter topic's records that name an event in their headers or value.
    pub(crate) async fn dead_letter_records(&self, event: &EventId) -> Vec<StoredRecord> {
        let names = |bytes: &[u8]| {
            bytes.windows(event.as_str().len()).any(|part| part == event.as_str().as_bytes())
        };
        let mut found = self.records(COUPON_ISSUED_DLT, 0).await;
        found.retain(|record| {
            record.value.as_deref().is_some_and(names)
                || record.headers.values().any(|value| names(value))
        });
        found
    }

    /// One command on an event's state, in the words that redis-cli would take.
    pub(crate) async fn on_state(&self, event: &EventId, words: &[&str]) -> Reply {
        let script = Script::new("return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))");
        let key = EventKeys::new(event).state;
        let slot = Cluster::slot_of(event);
        self.cluster.run_script(slot, &script, &[&key], words).await.unwrap()
    }

    /// What `/health` of each persister says; None where it does not answer.
    pub(crate) async fn health(&self) -> Vec<(String, Option<Value>)> {
        let mut all = Vec::new();
        for part in self.handle.status().of_kind(PartKind::Persister) {
            let address = part.metrics.unwrap();
            let said = timeout(Duration::from_secs(2), get(&address.to_string(), "/health")).await;
            all.push((part.name.clone(), said.ok().flatten()));
        }
        all
    }

    /// The part that leads, as soon as exactly one does.
    pub(crate) async fn leader(&self) -> String {
        let look = || async {
            let health = self.health().await;
            let leads = |(name, said): &(String, Option<Value>)| {
                let leads = said.as_ref().is_some_and(|said| said["role"] == "leader");
                leads.then(|| name.clone())
            };
            let leaders: Vec<String> = health.iter().filter_map(leads).collect();
            match leaders.as_slice() {
                [one] => Ok(one.clone()),
                _ => Err(format!("{health:?}")),
            }
        };
        wait_until(SOON, "one leader", look).await.unwrap()
    }
}

async fn all_of(partition: &Partition) -> Result<Vec<StoredRecord>, KafkaError> {
    let bounds = partition.bounds().await?;
    let (mut at, mut all) = (bounds.earliest, Vec::new());
    while at < bounds.end {
        let fetched = partition.fetch(at, FETCH_BYTES, FETCH_WAIT_MS).await?;
        let next = fetched.next_offset_in_compacted(at);
        if next == at {
            return Err(KafkaError::Unknown(format!("it does not go on at {at}")));
        }
        at = next;
        all.extend(fetched.records);
    }
    Ok(all)
}

async fn get(address: &str, path: &str) -> Option<Value> {
    serde_json::from_str(&page(address, path).await?).ok()
}

/// What a part says on its private port; None where it does not answer.
pub(crate) async fn page(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// An event's id that no other test has.
pub(crate) fn new_id(name: &str) -> EventId {
    format!("{name}-{}", uuid::Uuid::now_v7().simple()).parse().unwrap()
}

/// A win of epoch 1 by the user of that number.
pub(crate) fn win(event: &EventId, sequence: u64) -> Issued {
    Issued {
        epoch: 1,
        event_id: event.clone(),
        user_id: format!("user-{sequence}").parse().unwrap(),
        coupon_id: CouponId::new(),
        sequence,
        attempt: Attempt::from_key(b"key"),
        issued_at_ms: 1_795_770_000_123,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
        told: Told::Replica,
    }
}

/// A win's record.
pub(crate) fn record_of(win: &Issued) -> NewRecord {
    NewRecord {
        key: record_key(&win.event_id, &win.user_id),
        value: Some(encode(&Record::Issued(win.clone()))),
        headers: BTreeMap::new(),
    }
}

/// A record of that value for an event, which its header names.
pub(crate) fn raw_record(event: &EventId, value: &[u8]) -> NewRecord {
    NewRecord {
        key: event.as_str().into(),
        value: Some(value.into()),
        headers: BTreeMap::from([("event-id".to_owned(), event.as_str().into())]),
    }
}

/// The row that a win becomes.
pub(crate) fn row_of(win: &Issued) -> Row {
    Row {
        sequence: win.sequence,
        user: win.user_id.to_string(),
        nth: win.nth,
        coupon: win.coupon_id.as_bytes().to_vec(),
    }
}

/// A user's id.
pub(crate) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}
