//! Changes of coupons by operators: MySQL first, and a note of what Redis does not have yet.

use contract::coupon::CouponState;
use contract::event::Phase;
use contract::ids::{CouponId, EventId, UserId};
use mysql_async::Row;
use serde_json::json;

use super::audit::{Action, Entry, Mode, Operator};
use super::columns::Columns;
use super::epochs::EpochStep;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// A coupon's row, as far as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponRow {
    /// Its event.
    pub event_id: EventId,
    /// Its winner.
    pub user_id: UserId,
    /// Its number.
    pub sequence: u64,
    /// What became of it.
    pub state: CouponState,
    /// Raised by each change of its state.
    pub revision: u32,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CouponChanged {
    /// Its row stands so; Redis follows.
    Done(CouponRow),
    /// Its row would stand so: nothing was changed.
    Would(CouponRow),
    /// It stood so already.
    Already(CouponRow),
    /// It cannot come from where it stands.
    Refused(CouponRow),
    /// Its event is being armed: what the shard gets is read just now. Ask again.
    BeingArmed(EventId),
    /// Its event is archived, or about to be: nothing about it changes any more.
    Archived(EventId),
    /// No row has it; it may be on its way.
    Unknown,
}

/// A change that Redis does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingChange {
    /// The winner.
    pub user_id: UserId,
    /// The coupon.
    pub coupon_id: CouponId,
    /// What it is now.
    pub state: CouponState,
    /// The revision that says so.
    pub revision: u32,
}

impl Session {
    /// Returns a coupon, whose unit goes on sale again, or takes it away, which keeps the unit
    /// (revoked) or does not (withdrawn), and notes who did.
    pub async fn change_coupon(
        &mut self,
        coupon: &CouponId,
        to: CouponState,
        operator: &Operator,
        mode: Mode,
    ) -> Result<CouponChanged, StoreError> {
        let id = coupon.as_bytes().as_slice();
        let event: Option<String> = self.row(sql::EVENT_OF_COUPON, (id,)).await?;
        let Some(event) = event else {
            return Ok(CouponChanged::Unknown);
        };
        self.begin().await?;
        // The event first, as everybody who locks both does.
        let stands: Option<(Option<String>, String)> =
            self.row(sql::LOCK_EVENT_STEP, (&event,)).await?;
        let (step, phase) = stands.unwrap_or_default();
        let open = step.as_deref().and_then(EpochStep::parse) == Some(EpochStep::Open);
        let archived = Phase::parse(&phase) == Some(Phase::Archived);
        let row: Option<Row> = self.row(sql::LOCK_COUPON, (id,)).await?;
        let Some(row) = row.map(read_coupon).transpose()? else {
            self.roll_back().await?;
            return Ok(CouponChanged::Unknown);
        };
        let outcome = match way(row.state, to) {
            Way::Already => CouponChanged::Already(row),
            Way::No => CouponChanged::Refused(row),
            Way::To if archived => CouponChanged::Archived(row.event_id),
            Way::To if !open => CouponChanged::BeingArmed(row.event_id),
            Way::To => {
                let now = CouponRow { state: to, revision: row.revision + 1, ..row.clone() };
                if mode == Mode::DryRun {
                    self.roll_back().await?;
                    return Ok(CouponChanged::Would(now));
                }
                let change = (to.as_str(), now.revision, id);
                self.change(sql::CHANGE_COUPON, change).await?;
                let note = (now.event_id.as_str(), id, now.revision, now.revision);
                self.change(sql::NOTE_COUPON_CHANGE, note).await?;
                self.note_audit(&entry(coupon, &row, &now, operator)).await?;
                self.commit().await?;
                return Ok(CouponChanged::Done(now));
            }
        };
        self.roll_back().await?;
        Ok(outcome)
    }

    /// Whether Redis does not have a coupon's change yet.
    pub async fn change_is_pending(
        &mut self,
        event: &EventId,
        coupon: &CouponId,
    ) -> Result<bool, StoreError> {
        let params = (event.as_str(), coupon.as_bytes().as_slice());
        let pending: Option<i64> = self.row(sql::PENDING_CHANGE, params).await?;
        Ok(pending.is_some())
    }

    /// How many changes of an event Redis does not have yet.
    pub async fn count_changes(&mut self, event: &EventId) -> Result<u64, StoreError> {
        let count: Option<u64> = self.row(sql::COUNT_CHANGES, (event.as_str(),)).await?;
        Ok(count.unwrap_or(0))
    }

    /// Up to `count` changes of an event that Redis does not have yet.
    pub async fn pending_changes(
        &mut self,
        event: &EventId,
        count: usize,
    ) -> Result<Vec<PendingChange>, StoreError> {
        let rows = self.rows(sql::PENDING_CHANGES, (event.as_str(), count)).await?;
        let read = |row: Row| {
            let mut row = Columns(row);
            Ok(PendingChange {
                user_id: row.word("user_id", |word| word.parse().ok())?,
                coupon_id: row.coupon_id()?,
                state: row.word("state", CouponState::parse)?,
                revision: row.take("revision")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Redis has a change. A later one of the same coupon stays noted.
    pub async fn forget_change(
        &mut self,
        event: &EventId,
        change: &PendingChange,
    ) -> Result<(), StoreError> {
        let id = change.coupon_id.as_bytes().as_slice();
        self.change(sql::FORGET_CHANGE, (event.as_str(), id, change.revision)).await?;
        Ok(())
    }
}

fn entry<'a>(
    coupon: &CouponId,
    was: &'a CouponRow,
    now: &CouponRow,
    operator: &'a Operator,
) -> Entry<'a> {
    Entry {
        operator,
        action: if now.state == CouponState::Returned { Action::Return } else { Action::Revoke },
        event: Some(&was.event_id),
        version: None,
        subject: coupon.to_string(),
        was: json!({ "state": was.state.as_str(), "revision": was.revision }),
        became: json!({ "state": now.state.as_str(), "revision": now.revision }),
    }
}

/// Where a change leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    To,
    Already,
    No,
}

/// What was given up once stays so: the unit may be somebody else's, and its user may have won
/// again.
fn way(from: CouponState, to: CouponState) -> Way {
    use CouponState::{Issued, Returned, Revoked, Withdrawn};
    match (from, to) {
        (Issued, Returned | Revoked | Withdrawn)
        | (Revoked, Returned | Withdrawn)
        | (Withdrawn, Returned) => Way::To,
        (from, to) if from == to => Way::Already,
        _ => Way::No,
    }
}

fn read_coupon(row: Row) -> Result<CouponRow, StoreError> {
    let mut row = Columns(row);
    Ok(CouponRow {
        event_id: row.word("event_id", |word| word.parse().ok())?,
        user_id: row.word("user_id", |word| word.parse().ok())?,
        sequence: row.take("sequence")?,
        state: row.word("state", CouponState::parse)?,
        revision: row.take("revision")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coupon_never_comes_back_from_being_returned() {
        use CouponState::{Issued, Returned, Revoked, Withdrawn};
        let cases = [
            (Issued, Returned, Way::To),
            (Issued, Revoked, Way::To),
            (Revoked, Returned, Way::To),
            (Returned, Returned, Way::Already),
            (Revoked, Revoked, Way::Already),
            (Returned, Revoked, Way::No),
            (Returned, Issued, Way::No),
            (Issued, Withdrawn, Way::To),
            (Revoked, Withdrawn, Way::To),
            (Withdrawn, Withdrawn, Way::Already),
            (Withdrawn, Returned, Way::To),
            (Withdrawn, Revoked, Way::No),
            (Returned, Withdrawn, Way::No),
        ];
        for (from, to, leads) in cases {
            assert_eq!(way(from, to), leads, "{from:?} {to:?}");
        }
    }
}
