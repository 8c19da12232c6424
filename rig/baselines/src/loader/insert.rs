//! Rows of many values, a transaction a fetch, each partition on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use contract::record::Issued;
use contract::topics::COUPON_ISSUED_PARTITIONS;
use links::kafka::Kafka;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::topic::Reading;
use super::{Loaded, TABLE, count, issued_at, make_table};
use crate::cli::Topic;
use crate::error::{Failed, within};
use crate::mysql::Mysql;

/// Rows of one statement, as the persister has.
const MAX_ROWS: usize = 512;
/// For one transaction.
const INSERT_WITHIN: Duration = Duration::from_secs(10);

const COLUMNS: &str = "coupon_id, event_id, user_id, user_nth, sequence, quantity, epoch, \
    attempt, told, state, revision, issued_at";
const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Fills the table from the topic.
pub(crate) async fn insert(mysql: Mysql, topic: Topic) -> Result<Loaded, Failed> {
    let mysql = Arc::new(mysql);
    let mut conn = mysql.connect().await?;
    make_table(&mut conn).await?;
    let kafka = Kafka::plain(topic.kafka.kafka.0);
    let mut loads = JoinSet::new();
    let began = Instant::now();
    for number in 0..COUPON_ISSUED_PARTITIONS {
        let partition = kafka.partition(topic.name.as_str(), number);
        let mysql = Arc::clone(&mysql);
        loads.spawn(async move {
            let reading = Reading::begin(partition).await?;
            load(&mut mysql.connect().await?, reading).await
        });
    }
    while let Some(ended) = loads.join_next().await {
        ended.map_err(|_| Failed::Unusable("a loader panicked"))??;
    }
    let took = began.elapsed();
    Ok(Loaded::new(count(&mut conn).await?, took))
}

async fn load(conn: &mut Conn, mut reading: Reading) -> Result<(), Failed> {
    while let Some(wins) = reading.next().await? {
        within(INSERT_WITHIN, "a transaction of rows", add(conn, &wins)).await?;
    }
    Ok(())
}

async fn add(conn: &mut Conn, wins: &[Issued]) -> mysql_async::Result<()> {
    conn.query_drop("START TRANSACTION").await?;
    for wins in wins.chunks(MAX_ROWS) {
        let list = vec![ROW; wins.len()].join(", ");
        // A win may stand in the topic twice.
        let insert = format!("INSERT IGNORE INTO {TABLE} ({COLUMNS}) VALUES {list}");
        let params: Vec<Value> = wins.iter().flat_map(row).collect();
        conn.exec_drop(insert, params).await?;
    }
    conn.query_drop("COMMIT").await
}

fn row(win: &Issued) -> [Value; 12] {
    [
        win.coupon_id.as_bytes().as_slice().into(),
        win.event_id.as_str().into(),
        win.user_id.as_str().into(),
        win.nth.into(),
        win.sequence.into(),
        win.quantity.into(),
        win.epoch.into(),
        win.attempt.as_bytes().map(|hash| hash.as_slice()).into(),
        win.told.as_str().into(),
        win.state.as_str().into(),
        win.revision.into(),
        issued_at(win).into(),
    ]
}
