//! What reconcile asks: rows by their numbers, dead letters by their coupons; and its own runs.

use std::collections::HashMap;
use std::time::Duration;

use chrono::NaiveDateTime;
use contract::coupon::Win;
use contract::ids::{CouponId, EventId, UserId};
use mysql_async::{Row, Value};
use serde::Serialize;
use uuid::Uuid;

use super::audit::Entry;
use super::columns::Columns;
use super::coupons::{MAX_ROWS, padded};
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::times::to_column;
use super::union::user_win;

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Figures {
    /// Events that it looked at.
    pub events: u64,
    /// Those of them that it could not judge.
    pub not_judged: u64,
    /// Wins that were compared.
    pub wins: u64,
    /// Rows that were compared.
    pub rows: u64,
    /// Wins without a row that were on their way.
    pub in_flight: u64,
    /// Wins without a row whose dead letter waited.
    pub dead_lettered: u64,
    /// Wins without a row that an operator had given up.
    pub given_up: u64,
    /// Differences that nothing explains.
    pub differences: u64,
    /// Wins that it published again.
    pub published: u64,
    /// Events that it asked to be armed again.
    pub rearms_asked: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Which run.
    pub run: Uuid,
    /// What it came to.
    pub figures: Figures,
    /// JSON, at most 16 MiB.
    pub report: String,
}

/// Runs that are kept; their reports have 1 MiB at most each, and nearly always none.
pub const KEPT_RUNS: u32 = 1_000;

/// A run, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which run.
    pub run: Uuid,
    /// report, repair.
    pub mode: String,
    /// command, schedule.
    pub started_by: String,
    /// Of one event; None: of all.
    pub event: Option<EventId>,
    /// Unix milliseconds, on the database's clock.
    pub started_ms: u64,
    /// The same; 0: it runs, or it was cut short.
    pub ended_ms: u64,
    /// What it came to; nothing yet where it runs, or was cut short.
    pub figures: Figures,
    /// JSON; None: it was not asked for, or there is none yet.
    pub report: Option<String>,
}

/// What a dead letter says about a coupon without a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explained {
    /// It waits: for somebody to look into it, or for the next arming.
    Waits,
    /// An operator gave it up.
    GivenUp,
}

impl Session {
    /// Takes the lock of reconcile, if nobody has it. It ends with this session.
    pub async fn lock_reconcile(&mut self) -> Result<bool, StoreError> {
        let locked: Option<i64> = self.row(sql::LOCK_RECONCILE, ()).await?;
        Ok(locked == Some(1))
    }

    /// Whether this session has the lock of reconcile.
    pub async fn holds_reconcile_lock(&mut self) -> Result<bool, StoreError> {
        let holds: Option<i64> = self.row(sql::HOLDS_RECONCILE_LOCK, ()).await?;
        Ok(holds == Some(1))
    }

    /// Gives the lock of reconcile back.
    pub async fn unlock_reconcile(&mut self) -> Result<(), StoreError> {
        self.row::<Option<i64>>(sql::UNLOCK_RECONCILE, ()).await?;
        Ok(())
    }

    /// Notes that a run begins, over one event or over all.
    pub async fn begin_reconciliation(
        &mut self,
        run: Uuid,
        mode: &str,
        started_by: &str,
        event: Option<&EventId>,
    ) -> Result<(), StoreError> {
        let event = event.map(EventId::as_str);
        let params = (run.as_bytes().as_slice(), mode, started_by, event);
        self.change(sql::BEGIN_RECONCILIATION, params).await?;
        Ok(())
    }

    /// Notes how a run ended, and who had it repair; forgets the oldest beyond [`KEPT_RUNS`].
    pub async fn end_reconciliation(
        &mut self,
        end: &RunEnd,
        audited: Option<&Entry<'_>>,
    ) -> Result<(), StoreError> {
        let figures = &end.figures;
        let params: Vec<Value> = vec![
            figures.events.into(),
            figures.not_judged.into(),
            figures.differences.into(),
            figures.published.into(),
            figures.rearms_asked.into(),
            figures.wins.into(),
            figures.rows.into(),
            figures.in_flight.into(),
            figures.dead_lettered.into(),
            figures.given_up.into(),
            end.report.as_str().into(),
            end.run.as_bytes().as_slice().into(),
        ];
        self.begin().await?;
        self.change(sql::END_RECONCILIATION, params).await?;
        if let Some(entry) = audited {
            self.note_audit(entry).await?;
        }
        self.commit().await?;
        let oldest: Option<NaiveDateTime> =
            self.row(sql::OLDEST_KEPT_RUN, (KEPT_RUNS - 1,)).await?;
        if let Some(oldest) = oldest {
            self.change(sql::FORGET_RUNS, (oldest,)).await?;
        }
        Ok(())
    }

    /// How long ago the last run by itself began that came to its end, by the database's clock; where
    /// none did, how long ago the schema came to be. None: neither is known.
    pub async fn last_scheduled_run(&mut self) -> Result<Option<Duration>, StoreError> {
        let ago: Option<Option<i64>> = self.row(sql::LAST_SCHEDULED_RUN, ()).await?;
        let seconds = ago.flatten().map(|seconds| u64::try_from(seconds).unwrap_or(0));
        Ok(seconds.map(Duration::from_secs))
    }

    /// The last runs, newest first, without their reports.
    pub async fn reconciliations(&mut self, count: u32) -> Result<Vec<Run>, StoreError> {
        let rows = self.rows(&sql::runs(), (count,)).await?;
        rows.into_iter().map(read_run).collect()
    }

    /// Up to `count` runs that came to their end and began after that, oldest first, without their
    /// reports.
    pub async fn ended_reconciliations(
        &mut self,
        after_ms: u64,
        count: u32,
    ) -> Result<Vec<Run>, StoreError> {
        let rows = self.rows(&sql::ended_runs(), (to_column(after_ms), count)).await?;
        rows.into_iter().map(read_run).collect()
    }

    /// One run, with its report; None: there is none, or no more.
    pub async fn reconciliation(&mut self, run: Uuid) -> Result<Option<Run>, StoreError> {
        let params = (run.as_bytes().as_slice(),);
        self.row(&sql::run(), params).await?.map(read_run).transpose()
    }

    /// The highest number of an event that has a row; 0: it has none.
    pub async fn highest_sequence(&mut self, event: &EventId) -> Result<u64, StoreError> {
        Ok(self.row(sql::HIGHEST_SEQUENCE, (event.as_str(),)).await?.unwrap_or(0))
    }

    /// Up to `count` numbers of an event that have a row, behind `after` and up to `upto`.
    pub async fn sequences_between(
        &mut self,
        event: &EventId,
        after: u64,
        upto: u64,
        count: usize,
    ) -> Result<Vec<u64>, StoreError> {
        self.rows(sql::SEQUENCES_BETWEEN, (event.as_str(), after, upto, count)).await
    }

    /// An event's rows by their numbers.
    pub async fn rows_of_sequences(
        &mut self,
        event: &EventId,
        sequences: &[u64],
    ) -> Result<Vec<(UserId, Win)>, StoreError> {
        let mut found = Vec::new();
        for sequences in sequences.chunks(MAX_ROWS) {
            let (size, values) = padded(sequences, |sequence| Value::from(*sequence));
            let params = [vec![Value::from(event.as_str())], values].concat();
            for row in self.rows(&sql::coupons_of_sequences(size), params).await? {
                found.push(user_win(row)?);
            }
        }
        Ok(found)
    }

    /// Whether an operator changed a coupon and the shard does not have it yet.
    pub async fn change_waits(
        &mut self,
        event: &EventId,
        coupon: &CouponId,
    ) -> Result<bool, StoreError> {
        let params = (event.as_str(), coupon.as_bytes().as_slice());
        let waits: Option<i64> = self.row(sql::PENDING_CHANGE, params).await?;
        Ok(waits.is_some())
    }

    /// Those of an event's coupons whose dead letter says why they have no row. One that another
    /// coupon stands in the way of explains nothing, unless it was given up.
    pub async fn explained(
        &mut self,
        event: &EventId,
        ids: &[CouponId],
    ) -> Result<HashMap<CouponId, Explained>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(MAX_ROWS) {
            let (size, values) = padded(ids, |id| Value::from(id.as_bytes().as_slice()));
            let params = [vec![Value::from(event.as_str())], values].concat();
            for row in self.rows(&sql::explained(size), params).await? {
                let mut row = Columns(row);
                let waits: i64 = row.take("waits")?;
                let why = if waits == 1 { Explained::Waits } else { Explained::GivenUp };
                found.insert(row.coupon_id()?, why);
            }
        }
        Ok(found)
    }
}

fn read_run(row: Row) -> Result<Run, StoreError> {
    let mut row = Columns(row);
    let id: Vec<u8> = row.take("run_id")?;
    let event: Option<String> = row.take("event_id")?;
    Ok(Run {
        run: Uuid::from_slice(&id).map_err(|_| StoreError::Unreadable {
            column: "run_id",
            found: format!("{id:02x?}"),
        })?,
        mode: row.take("mode")?,
        started_by: row.take("started_by")?,
        event: event.and_then(|event| event.parse().ok()),
        started_ms: row.ms("started_at")?,
        ended_ms: row.ms("ended_at")?,
        figures: Figures {
            events: row.take("events")?,
            not_judged: row.take("not_judged")?,
            wins: row.take("wins")?,
            rows: row.take("rows_compared")?,
            in_flight: row.take("in_flight")?,
            dead_lettered: row.take("dead_lettered")?,
            given_up: row.take("given_up")?,
            differences: row.take("differences")?,
            published: row.take("published")?,
            rearms_asked: row.take("rearms_asked")?,
        },
        report: row.take("report")?,
    })
}
