//! The loaders, on the stack's own wins.

use std::time::Duration;

use contract::coupon::{CouponState, Win};
use contract::ids::{Attempt, CouponId, EventId, UserId};
use contract::record::{Issued, Record, Told, encode};
use contract::topics::{COUPON_ISSUED_PARTITIONS, partition_of, record_key};
use links::kafka::{Kafka, NewRecord};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use rig::stack::{Handle, PartKind, shared, wait_until};
use rskafka::client::ClientBuilder;
use tokio::time::timeout;
use uuid::Uuid;

use crate::baseline::{run_for_json, servers};

/// Wins in a topic of their own, which the persister does not read.
const WINS: u64 = 300;
const KAFKA_WITHIN: Duration = Duration::from_secs(20);
const QUERY_WITHIN: Duration = Duration::from_secs(30);

/// One after the other, for they fill the same table.
#[tokio::test]
async fn both_loaders_bring_every_win_as_it_was() {
    let _guard = shared().await;
    let stack = Handle::from_env().unwrap();
    let event: EventId = format!("it-{}", Uuid::now_v7().simple()).parse().unwrap();
    let wins: Vec<Issued> = (1..=WINS).map(|sequence| issued(&event, sequence)).collect();
    let topic = format!("bench_loader.{event}");
    produce(&stack, &topic, &wins).await;

    let mut servers = servers(&stack, &["--mysql", "--kafka"]);
    servers.extend(["--topic".to_owned(), topic]);
    let command = |first: &[&str]| {
        let first = first.iter().map(|word| (*word).to_owned());
        first.chain(servers.iter().cloned()).collect::<Vec<_>>()
    };
    let loaded = run_for_json(&command(&["loader", "insert"])).await;
    assert_eq!(loaded["rows"], WINS, "{loaded}");
    let inserted = rows(&stack, &event).await;
    for (number, win) in wins.iter().enumerate() {
        assert_eq!(inserted.get(number), Some(&row(win)));
    }

    let file = stack.status().directory.join(format!("{event}.tsv"));
    let file = file.display().to_string();
    let loaded = run_for_json(&command(&["loader", "load-data", "--file", &file])).await;
    assert!(loaded["rows_per_second"].as_f64().unwrap() > 0.0, "{loaded}");
    assert_eq!(rows(&stack, &event).await, inserted);
    assert!(!std::path::Path::new(&file).exists());
}

/// Every other one with an attempt.
fn issued(event: &EventId, sequence: u64) -> Issued {
    let user: UserId = format!("user-{sequence}").parse().unwrap();
    let attempt =
        if sequence.is_multiple_of(2) { Attempt::NONE } else { Attempt::from_key(b"key") };
    let win = Win {
        coupon: CouponId::new(),
        sequence,
        attempt,
        issued_at_ms: 1_700_000_000_123,
        quantity: 1,
        nth: 1,
        state: CouponState::Issued,
        revision: 1,
    };
    Issued::new(event.clone(), 1, user, &win, Told::Replica)
}

async fn produce(stack: &Handle, topic: &str, wins: &[Issued]) {
    let brokers = stack.addresses(PartKind::Kafka);
    let brokers: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    let client = timeout(KAFKA_WITHIN, ClientBuilder::new(brokers.clone()).build()).await;
    let controller = client.unwrap().unwrap().controller_client().unwrap();
    let made = controller.create_topic(topic, COUPON_ISSUED_PARTITIONS, 3, 10_000);
    timeout(KAFKA_WITHIN, made).await.unwrap().unwrap();

    let kafka = Kafka::plain(brokers);
    timeout(KAFKA_WITHIN, kafka.until_all_know(topic)).await.unwrap();
    let keyed = |win: &Issued| (record_key(&win.event_id, &win.user_id), win.clone());
    for number in 0..COUPON_ISSUED_PARTITIONS {
        let here = wins.iter().map(keyed).filter(|(key, _)| partition_of(key) == number);
        let records = here.map(|(key, win)| NewRecord {
            key,
            value: Some(encode(&Record::Issued(win))),
            headers: Default::default(),
        });
        let (partition, records) = (kafka.partition(topic, number), records.collect::<Vec<_>>());
        let produce = || partition.produce(records.clone());
        wait_until(KAFKA_WITHIN, "a produce", produce).await.unwrap();
    }
}

/// Coupon, user, number, attempt, milliseconds.
type Row = (Vec<u8>, String, u64, Option<Vec<u8>>, u64);

fn row(win: &Issued) -> Row {
    (
        win.coupon_id.as_bytes().to_vec(),
        win.user_id.to_string(),
        win.sequence,
        win.attempt.as_bytes().map(|hash| hash.to_vec()),
        win.issued_at_ms,
    )
}

async fn rows(stack: &Handle, event: &EventId) -> Vec<Row> {
    let opts = Opts::from_url(&stack.mysql_url().unwrap()).unwrap();
    let select = "SELECT coupon_id, user_id, sequence, attempt, \
        CAST(UNIX_TIMESTAMP(issued_at) * 1000 AS UNSIGNED) \
        FROM bench_coupons WHERE event_id = ? ORDER BY sequence";
    let rows = async {
        let mut conn = Conn::new(opts).await?;
        conn.query_drop("SET time_zone = '+00:00'").await?;
        conn.exec(select, (event.as_str(),)).await
    };
    timeout(QUERY_WITHIN, rows).await.unwrap().unwrap()
}
