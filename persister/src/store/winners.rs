//! Rows of an event in the order of their numbers.

use contract::coupon::CouponState;
use contract::ids::{CouponId, EventId, UserId};
use mysql_async::Row;

use super::columns::Columns;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// Who holds, or held, a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Winner {
    /// The coupon's number.
    pub sequence: u64,
    /// Who.
    pub user_id: UserId,
    /// Which of their wins.
    pub nth: u32,
    /// The coupon.
    pub coupon_id: CouponId,
    /// Units.
    pub quantity: u32,
    /// What became of it.
    pub state: CouponState,
    /// Unix milliseconds, on the shard's clock.
    pub issued_at_ms: u64,
}

impl Session {
    /// Up to `count` winners whose numbers come after one, in the order of their numbers.
    pub async fn winners_after(
        &mut self,
        event: &EventId,
        sequence: u64,
        count: u32,
    ) -> Result<Vec<Winner>, StoreError> {
        let rows = self.rows(sql::WINNERS_AFTER, (event.as_str(), sequence, count)).await?;
        let read = |row: Row| {
            let mut row = Columns(row);
            Ok(Winner {
                sequence: row.take("sequence")?,
                user_id: row.word("user_id", |word| word.parse().ok())?,
                nth: row.take("user_nth")?,
                coupon_id: row.coupon_id()?,
                quantity: row.take("quantity")?,
                state: row.word("state", CouponState::parse)?,
                issued_at_ms: row.ms("issued_at")?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
