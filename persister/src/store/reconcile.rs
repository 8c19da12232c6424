//! What reconcile asks: rows by their numbers, dead letters by their coupons; and its own runs.

use std::collections::HashSet;

use contract::coupon::Win;
use contract::ids::{CouponId, EventId, UserId};
use mysql_async::Value;
use uuid::Uuid;

use super::columns::Columns;
use super::coupons::{MAX_ROWS, padded};
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::union::user_win;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Which run.
    pub run: Uuid,
    /// Events that it looked at.
    pub events: u64,
    /// Those that it could not judge.
    pub not_judged: u64,
    /// Differences that nothing explains.
    pub differences: u64,
    /// Wins that it published again.
    pub published: u64,
    /// Events that it asked to be armed again.
    pub rearms_asked: u64,
    /// JSON, at most 16 MiB.
    pub report: String,
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
        event: Option<&EventId>,
    ) -> Result<(), StoreError> {
        let event = event.map(EventId::as_str);
        self.change(sql::BEGIN_RECONCILIATION, (run.as_bytes().as_slice(), mode, event)).await?;
        Ok(())
    }

    /// Notes how a run ended.
    pub async fn end_reconciliation(&mut self, end: &RunEnd) -> Result<(), StoreError> {
        let params = (
            end.events,
            end.not_judged,
            end.differences,
            end.published,
            end.rearms_asked,
            &end.report,
            end.run.as_bytes().as_slice(),
        );
        self.change(sql::END_RECONCILIATION, params).await?;
        Ok(())
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
        let waits: Option<i64> = self.row(sql::CHANGE_WAITS, params).await?;
        Ok(waits.is_some())
    }

    /// Those of an event's coupons that wait in a dead letter: for somebody to look into it, or for
    /// the next arming. One that another coupon stands in the way of explains nothing.
    pub async fn dead_lettered(
        &mut self,
        event: &EventId,
        ids: &[CouponId],
    ) -> Result<HashSet<CouponId>, StoreError> {
        let mut found = HashSet::new();
        for ids in ids.chunks(MAX_ROWS) {
            let (size, values) = padded(ids, |id| Value::from(id.as_bytes().as_slice()));
            let params = [vec![Value::from(event.as_str())], values].concat();
            for row in self.rows(&sql::dead_lettered(size), params).await? {
                found.insert(Columns(row).coupon_id()?);
            }
        }
        Ok(found)
    }
}
