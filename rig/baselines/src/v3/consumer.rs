//! Reads claims from one partition and decides them, a transaction a batch.

use std::sync::Arc;
use std::time::Duration;

use contract::ids::EventId;
use links::kafka::{Partition, StoredRecord};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use super::TABLES;
use super::decide::decide;
use crate::error::{Failed, within};
use crate::ledger;
use crate::mysql::Mysql;

/// About the most bytes of one fetch.
const FETCH_BYTES: i32 = 512 * 1024;
/// How long a broker may wait for something to come.
const FETCH_WAIT_MS: u32 = 500;
/// Claims of one transaction.
const MAX_BATCH: usize = 1_000;
/// For one transaction, which waits for those of the other partitions.
const DECIDE_WITHIN: Duration = Duration::from_secs(10);
/// For a short question.
const QUESTION_WITHIN: Duration = Duration::from_secs(5);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(200);

/// How far each partition is decided.
const OFFSETS: &str = "bench_v3_offsets";

pub(super) struct Consumer {
    partition: Partition,
    mysql: Arc<Mysql>,
    event: EventId,
    next: i64,
}

impl Consumer {
    /// From the partition's end on: what an earlier sale left there is not decided again.
    pub(super) async fn begin(
        partition: Partition,
        mysql: Arc<Mysql>,
        event: EventId,
    ) -> Result<Self, Failed> {
        let next = partition.bounds().await?.end;
        let mut conn = mysql.connect().await?;
        let id = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL";
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {OFFSETS} (event_id {id}, part INT NOT NULL, \
               first_offset BIGINT NOT NULL, next_offset BIGINT NOT NULL, \
               PRIMARY KEY (event_id, part))"
        );
        let put = format!("REPLACE INTO {OFFSETS} VALUES (?, ?, ?, ?)");
        within(QUESTION_WITHIN, "the table of offsets", async {
            conn.query_drop(make).await?;
            conn.exec_drop(put, (event.as_str(), partition.number(), next, next)).await
        })
        .await?;
        Ok(Self { partition, mysql, event, next })
    }

    /// Decides until it is dropped. After a failure it begins again where MySQL stands.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(error) = self.step().await {
                eprintln!("baseline: partition {}: {error}", self.partition.number());
                sleep(PAUSE).await;
            }
        }
    }

    async fn step(&mut self) -> Result<(), Failed> {
        let fetched = self.partition.fetch(self.next, FETCH_BYTES, FETCH_WAIT_MS).await?;
        for records in fetched.records.chunks(MAX_BATCH) {
            let mut session = self.mysql.session().await?;
            within(DECIDE_WITHIN, "a batch of claims", self.land(&mut session, records)).await?;
            session.put_back();
            self.next = records.last().map_or(self.next, |last| last.offset + 1);
        }
        Ok(())
    }

    /// Winners and the next offset in one transaction. A batch that comes again, because the
    /// commit's answer was lost, finds its winners there.
    async fn land(&self, conn: &mut Conn, records: &[StoredRecord]) -> mysql_async::Result<()> {
        let users: Vec<&str> = records
            .iter()
            .filter_map(|record| std::str::from_utf8(record.key.as_deref()?).ok())
            .collect();
        let next = records.last().map_or(self.next, |last| last.offset + 1);
        conn.query_drop("START TRANSACTION").await?;
        let (stock, issued) = ledger::lock_event(conn, &TABLES, &self.event).await?;
        if issued < stock && !users.is_empty() {
            let winners = ledger::winners_of(conn, &TABLES, &self.event, &users).await?;
            let fresh = decide(&users, &winners, stock, issued);
            if !fresh.is_empty() {
                ledger::add_wins(conn, &TABLES, &self.event, &fresh).await?;
                let issued = issued + fresh.len() as u64;
                ledger::set_issued(conn, &TABLES, &self.event, issued).await?;
            }
        }
        let update =
            format!("UPDATE {OFFSETS} SET next_offset = ? WHERE event_id = ? AND part = ?");
        conn.exec_drop(update, (next, self.event.as_str(), self.partition.number())).await?;
        conn.query_drop("COMMIT").await
    }
}

/// How many claims of an event are decided.
pub(crate) async fn decided(conn: &mut Conn, event: &EventId) -> mysql_async::Result<u64> {
    let select = format!(
        "SELECT CAST(COALESCE(SUM(next_offset - first_offset), 0) AS UNSIGNED) FROM {OFFSETS} \
         WHERE event_id = ?"
    );
    Ok(conn.exec_first(select, (event.as_str(),)).await?.unwrap_or(0))
}
