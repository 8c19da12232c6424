//! Records that cannot become a row.

use contract::ids::{CouponId, EventId};
use contract::topics::COUPON_ISSUED;
use mysql_async::Value;

use super::coupons::fits_request_id;
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::times::to_column;

/// What `record BLOB` holds; the rest is in the dead-letter topic.
pub const MAX_RECORD_BYTES: usize = 65_535;
/// What `message VARCHAR(1024)` holds, in characters.
const MAX_MESSAGE_CHARS: usize = 1_024;
/// What `record_key VARBINARY(255)` holds. Ours have 129 at most.
const MAX_KEY_BYTES: usize = 255;

/// A dead letter of `coupon-issued`, as its row is written.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetterRow<'a> {
    /// Where the record came from.
    pub part: i32,
    /// Where the record came from.
    pub offset: i64,
    /// Its event, where it tells.
    pub event_id: Option<&'a EventId>,
    /// Its coupon, where it tells.
    pub coupon_id: Option<&'a CouponId>,
    /// The reason in one word.
    pub reason: &'static str,
    /// What was wrong, in a sentence.
    pub message: &'a str,
    /// The record's value.
    pub record: Option<&'a [u8]>,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's time in Unix milliseconds.
    pub timestamp_ms: i64,
    /// The id of the request that the win answers, where it tells.
    pub request_id: Option<&'a str>,
}

/// What the column of a message takes.
pub(super) fn short(message: &str) -> String {
    message.chars().take(MAX_MESSAGE_CHARS).collect()
}

impl Session {
    /// Inside a transaction: adds a dead letter's row.
    pub async fn add_dead_letter(&mut self, letter: &DeadLetterRow<'_>) -> Result<(), StoreError> {
        let id = letter.request_id.filter(|id| fits_request_id(id));
        let record = letter.record.map(|bytes| &bytes[..bytes.len().min(MAX_RECORD_BYTES)]);
        let params: Vec<Value> = vec![
            COUPON_ISSUED.into(),
            letter.part.into(),
            letter.offset.into(),
            letter.event_id.map(EventId::as_str).into(),
            letter.coupon_id.map(|id| id.as_bytes().as_slice()).into(),
            letter.reason.into(),
            short(letter.message).into(),
            record.into(),
            letter.key.filter(|key| key.len() <= MAX_KEY_BYTES).into(),
            u64::try_from(letter.timestamp_ms).ok().and_then(to_column).into(),
            id.into(),
        ];
        self.change(sql::ADD_DEAD_LETTER, params).await?;
        Ok(())
    }

    /// How many dead letters of an event nobody has resolved.
    pub async fn count_dead_letters(&mut self, event: &EventId) -> Result<u64, StoreError> {
        Ok(self.row(sql::COUNT_DEAD_LETTERS, (event.as_str(),)).await?.unwrap_or(0))
    }
}
