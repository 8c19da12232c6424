//! Records that cannot become a row.

use contract::ids::{CouponId, EventId};
use contract::topics::COUPON_ISSUED;
use mysql_async::Value;

use super::coupons::fits_request_id;
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::times::to_column;
use crate::consume::batch::Reason;

/// What `record BLOB` holds; the rest is in the dead-letter topic.
pub const MAX_RECORD_BYTES: usize = 65_535;
/// What `message VARCHAR(1024)` holds, in characters.
const MAX_MESSAGE_CHARS: usize = 1_024;
/// What `record_key VARBINARY(255)` holds. Ours have 129 at most.
pub(super) const MAX_KEY_BYTES: usize = 255;

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

/// Coupons that have letters and, unless those are settled meanwhile, no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CouponsInLetters {
    /// MySQL refused them, or they came late; their letters wait.
    pub waiting: u64,
    /// MySQL refused them, and operators gave their letters up.
    pub given_up: u64,
    /// Either or both.
    pub either: u64,
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

    /// How many wins of an event MySQL refused for good; their letters wait, or were given up.
    pub async fn count_refused(&mut self, event: &EventId) -> Result<u64, StoreError> {
        Ok(self.row(sql::COUNT_REFUSED, (event.as_str(),)).await?.unwrap_or(0))
    }

    /// How many coupons of an event have letters instead of rows.
    pub async fn coupons_in_letters(
        &mut self,
        event: &EventId,
    ) -> Result<CouponsInLetters, StoreError> {
        let counts = self.row(sql::COUPONS_IN_LETTERS, (event.as_str(),)).await?;
        let (waiting, given_up, either) = counts.unwrap_or_default();
        Ok(CouponsInLetters { waiting, given_up, either })
    }

    /// How many dead letters of an event operators have given up.
    pub async fn count_given_up(&mut self, event: &EventId) -> Result<u64, StoreError> {
        Ok(self.row(sql::COUNT_GIVEN_UP, (event.as_str(),)).await?.unwrap_or(0))
    }

    /// How many letters of each reason wait.
    pub async fn count_letters_by_reason(&mut self) -> Result<Vec<(Reason, u64)>, StoreError> {
        let rows: Vec<(String, u64)> =
            self.rows(sql::COUNT_LETTERS_BY_REASON, (COUPON_ISSUED,)).await?;
        let of = |reason: Reason| {
            let found = rows.iter().find(|(word, _)| word == reason.as_str());
            (reason, found.map_or(0, |(_, letters)| *letters))
        };
        Ok(Reason::ALL.map(of).to_vec())
    }
}
