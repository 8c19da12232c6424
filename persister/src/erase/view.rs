//! How erasures are shown, to people and to machines: never whom they are about.

use serde::Serialize;

use crate::events::view::{optional_time, time};
use crate::store::erasures::ErasureRow;
use crate::store::{Session, StoreError};

/// An erasure. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasureView {
    /// Its number, which the audit names.
    pub erasure: u64,
    /// RFC 3339 in UTC.
    pub asked_at: String,
    /// Who asked.
    pub who: String,
    /// cli, api.
    pub way: String,
    /// In their words.
    pub why: String,
    /// When the user's id was forgotten; null: it is kept until their events are archived and Kafka
    /// has no record of theirs.
    pub forgotten_at: Option<String>,
    /// Rows that were replaced.
    pub coupons: u64,
    /// Dead letters that were replaced.
    pub letters: u64,
    /// Reports of reconcile that were replaced.
    pub reports: u64,
}

/// The last erasures, newest first.
pub async fn list(session: &mut Session, limit: u32) -> Result<Vec<ErasureView>, StoreError> {
    Ok(session.erasures(limit).await?.into_iter().map(view).collect())
}

fn view(row: ErasureRow) -> ErasureView {
    ErasureView {
        erasure: row.id,
        asked_at: time(row.asked_at_ms),
        who: row.who,
        way: row.way,
        why: row.why,
        forgotten_at: optional_time(row.forgotten_at_ms),
        coupons: row.erased.coupons,
        letters: row.erased.letters,
        reports: row.erased.reports,
    }
}
