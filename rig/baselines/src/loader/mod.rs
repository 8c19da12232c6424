//! The least that brings the wins of a topic into a table of the coupons' shape: what bounds the
//! persister. No offsets, no idempotency, no epochs.

mod insert;
mod load_data;
mod topic;

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use contract::record::Issued;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use serde::Serialize;

pub(crate) use self::insert::insert;
pub(crate) use self::load_data::load_data;
use crate::error::{Failed, within};

/// The table that is filled, and emptied before.
const TABLE: &str = "bench_coupons";
/// To make the table and empty it.
const TABLE_WITHIN: Duration = Duration::from_secs(60);

/// Printed as one line of JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Loaded {
    /// Rows that the table has now.
    rows: u64,
    /// From the first fetch, or for LOAD DATA from the statement, to the last commit.
    seconds: f64,
    rows_per_second: f64,
}

impl Loaded {
    fn new(rows: u64, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        Self { rows, seconds, rows_per_second: rows as f64 / seconds.max(f64::EPSILON) }
    }
}

/// An empty table with the columns and keys of `coupons`.
async fn make_table(conn: &mut Conn) -> Result<(), Failed> {
    within(TABLE_WITHIN, "the table", async {
        conn.query_drop(format!("CREATE TABLE IF NOT EXISTS {TABLE} LIKE coupons")).await?;
        conn.query_drop(format!("TRUNCATE TABLE {TABLE}")).await
    })
    .await
}

async fn count(conn: &mut Conn) -> Result<u64, Failed> {
    let count = conn.query_first(format!("SELECT COUNT(*) FROM {TABLE}"));
    Ok(within(TABLE_WITHIN, "the number of rows", count).await?.unwrap_or(0))
}

/// In UTC, as the column has it; `None` beyond what it holds.
fn issued_at(win: &Issued) -> Option<NaiveDateTime> {
    let ms = win.issued_at_ms.try_into().ok()?;
    DateTime::from_timestamp_millis(ms).map(|time| time.naive_utc())
}
