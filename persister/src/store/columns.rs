//! A row's columns by name, as the program's types.

use chrono::NaiveDateTime;
use contract::ids::{Attempt, CouponId};
use mysql_async::Row;
use mysql_async::prelude::FromValue;

use super::error::StoreError;
use super::times::from_column;

/// A row that is being read.
pub(super) struct Columns(pub(super) Row);

impl Columns {
    /// A column's value.
    pub(super) fn take<T: FromValue>(&mut self, column: &'static str) -> Result<T, StoreError> {
        match self.0.take_opt(column) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(unreadable(column, format!("{:?}", error.0))),
            None => Err(unreadable(column, "no such column".to_owned())),
        }
    }

    /// A text that names something.
    pub(super) fn word<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let word: String = self.take(column)?;
        parse(&word).ok_or_else(|| unreadable(column, word))
    }

    /// A coupon's id.
    pub(super) fn coupon_id(&mut self) -> Result<CouponId, StoreError> {
        let bytes: Vec<u8> = self.take("coupon_id")?;
        sixteen("coupon_id", bytes).map(CouponId::from_bytes)
    }

    /// An attempt; NULL is none.
    pub(super) fn attempt(&mut self) -> Result<Attempt, StoreError> {
        let bytes: Option<Vec<u8>> = self.take("attempt")?;
        let bytes = bytes.map(|bytes| sixteen("attempt", bytes)).transpose()?;
        Ok(Attempt::from_bytes(bytes))
    }

    /// A time in Unix milliseconds; NULL is 0.
    pub(super) fn ms(&mut self, column: &'static str) -> Result<u64, StoreError> {
        Ok(self.take::<Option<NaiveDateTime>>(column)?.map_or(0, from_column))
    }
}

fn sixteen(column: &'static str, bytes: Vec<u8>) -> Result<[u8; 16], StoreError> {
    bytes.try_into().map_err(|bytes: Vec<u8>| unreadable(column, format!("{bytes:02x?}")))
}

fn unreadable(column: &'static str, found: String) -> StoreError {
    StoreError::Unreadable { column, found }
}
