//! Rows of wins.

use std::collections::HashMap;

use contract::ids::{CouponId, EventId, UserId};
use contract::record::Issued;
use mysql_async::{Row, Value};

use super::columns::Columns;
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::times::to_column;

/// The most rows of one statement. Measured at 500: 91,000 rows/s in durable transactions.
pub(super) const MAX_ROWS: usize = 512;

/// A win that is to become a row.
#[derive(Debug, Clone, Copy)]
pub struct NewCoupon<'a> {
    /// The win.
    pub win: &'a Issued,
    /// The id of the request that it answers, where the record tells.
    pub request_id: Option<&'a str>,
}

/// What makes a stored coupon the same as one that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCoupon {
    /// Its event.
    pub event_id: EventId,
    /// Its winner.
    pub user_id: UserId,
    /// Which of the winner's it is.
    pub nth: u32,
    /// Its number.
    pub sequence: u64,
    /// Raised by each change of its state.
    pub revision: u32,
}

/// How an event stands for the records of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochsOf {
    /// The event's epoch.
    pub epoch: u64,
    /// Whether the epoch's arming has united shard and rows: what comes late now stays out.
    pub united: bool,
    /// The highest epoch whose marker was read in the partition; 0: none.
    pub cut: u64,
}

/// The rows of an event that are not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CouponCount {
    /// Rows.
    pub rows: u64,
    /// Their units.
    pub units: u64,
    /// The highest number.
    pub sequence: u64,
}

impl Session {
    /// Inside a transaction: adds rows, and returns how many there were not before. A row that
    /// breaks a unique key is left out and not counted.
    pub async fn insert_coupons(&mut self, wins: &[NewCoupon<'_>]) -> Result<u64, StoreError> {
        let mut inserted = 0;
        let mut rest = wins;
        for size in statement_sizes(wins.len()) {
            let (now, later) = rest.split_at(size);
            let params: Vec<Value> = now.iter().flat_map(row_of).collect();
            inserted += self.change(&sql::insert_coupons(size), params).await?;
            rest = later;
        }
        Ok(inserted)
    }

    /// Those of the coupons that have a row.
    pub async fn coupons(
        &mut self,
        ids: &[CouponId],
    ) -> Result<HashMap<CouponId, StoredCoupon>, StoreError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(MAX_ROWS) {
            let (size, ids) = padded(ids, |id| Value::from(id.as_bytes().as_slice()));
            for row in self.rows(&sql::coupons_by_id(size), ids).await? {
                let (id, coupon) = read(row)?;
                found.insert(id, coupon);
            }
        }
        Ok(found)
    }

    /// Inside a transaction: how events stand for a partition's records. Until the transaction ends
    /// none of them can begin another epoch. Events that do not exist are missing.
    pub async fn epochs_of(
        &mut self,
        part: i32,
        events: &[EventId],
    ) -> Result<HashMap<EventId, EpochsOf>, StoreError> {
        let mut found = HashMap::new();
        for events in events.chunks(MAX_ROWS) {
            let (size, ids) = padded(events, |event| Value::from(event.as_str()));
            let params = [vec![Value::from(part)], ids].concat();
            for row in self.rows(&sql::epochs_of_events(size), params).await? {
                let mut row = Columns(row);
                let event = row.word("event_id", |word| word.parse().ok())?;
                let epochs = EpochsOf {
                    epoch: row.take("epoch")?,
                    united: row.take("united")?,
                    cut: row.take("cut")?,
                };
                found.insert(event, epochs);
            }
        }
        Ok(found)
    }

    /// Inside a transaction: notes where an epoch's marker stands.
    pub async fn add_cut(
        &mut self,
        event: &EventId,
        part: i32,
        epoch: u64,
        offset: i64,
    ) -> Result<(), StoreError> {
        self.change(sql::ADD_CUT, (event.as_str(), part, epoch, offset)).await?;
        Ok(())
    }

    /// Counts an event's rows.
    pub async fn count_coupons(&mut self, event: &EventId) -> Result<CouponCount, StoreError> {
        let row = self.row(sql::COUNT_COUPONS, (event.as_str(),)).await?;
        Ok(row.map_or_else(CouponCount::default, |(rows, units, sequence)| CouponCount {
            rows,
            units,
            sequence,
        }))
    }
}

/// Sizes of the statements that add `rows` rows: as many full ones as fit, then powers of two, so
/// that a handful of prepared statements serves every batch.
fn statement_sizes(rows: usize) -> Vec<usize> {
    let mut sizes = vec![MAX_ROWS; rows / MAX_ROWS];
    let mut rest = rows % MAX_ROWS;
    while rest > 0 {
        let size = 1 << rest.ilog2();
        sizes.push(size);
        rest -= size;
    }
    sizes
}

/// A list whose length is a power of two, for the same reason: its last item is repeated.
pub(super) fn padded<T>(items: &[T], value: impl Fn(&T) -> Value) -> (usize, Vec<Value>) {
    let size = items.len().next_power_of_two();
    let mut values: Vec<Value> = items.iter().map(value).collect();
    if let Some(last) = values.last().cloned() {
        values.resize(size, last);
    }
    (size, values)
}

/// What `request_id VARCHAR(64)` holds. Another one is as good as none: a proxy made it, and no win
/// is refused for it.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// Whether a request's id fits its column.
pub(super) fn fits_request_id(id: &str) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A time beyond what a column holds becomes NULL, which MySQL refuses.
fn row_of(new: &NewCoupon<'_>) -> [Value; sql::COUPON_PARAMS] {
    let win = new.win;
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
        to_column(win.issued_at_ms).into(),
        new.request_id.filter(|id| fits_request_id(id)).into(),
    ]
}

fn read(row: Row) -> Result<(CouponId, StoredCoupon), StoreError> {
    let mut row = Columns(row);
    let id = row.coupon_id()?;
    let coupon = StoredCoupon {
        event_id: row.word("event_id", |word| word.parse().ok())?,
        user_id: row.word("user_id", |word| word.parse().ok())?,
        nth: row.take("user_nth")?,
        sequence: row.take("sequence")?,
        revision: row.take("revision")?,
    };
    Ok((id, coupon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_add_up_to_the_rows() {
        assert!(statement_sizes(0).is_empty());
        assert_eq!(statement_sizes(1), [1]);
        assert_eq!(statement_sizes(7), [4, 2, 1]);
        assert_eq!(statement_sizes(512), [512]);
        assert_eq!(statement_sizes(1_100), [512, 512, 64, 8, 4]);
        for rows in 0..3_000 {
            assert_eq!(statement_sizes(rows).iter().sum::<usize>(), rows);
        }
    }

    #[test]
    fn lists_are_padded_with_their_last_item() {
        let (size, values) = padded(&[1, 2, 3], |&n: &i32| Value::from(n));
        assert_eq!((size, values), (4, vec![1.into(), 2.into(), 3.into(), 3.into()]));
        assert_eq!(padded(&[7], |&n: &i32| Value::from(n)).0, 1);
    }
}
