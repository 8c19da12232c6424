//! What operators do with coupons: the use case, whoever asks for it.

use std::time::Duration;

use contract::coupon::CouponState;
use contract::ids::CouponId;
use serde::Serialize;

use crate::events::wait::change_is_carried;
use crate::store::audit::{Mode, Operator};
use crate::store::changes::{CouponChanged, CouponRow};
use crate::store::{Session, StoreError};

/// What taking a coupon away makes of it, whose unit goes on sale again or not.
pub fn revoked(unit: Unit) -> CouponState {
    match unit {
        Unit::Kept => CouponState::Revoked,
        Unit::GivenBack => CouponState::Withdrawn,
    }
}

/// What becomes of the unit of a coupon that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nobody gets it.
    Kept,
    /// It goes on sale again.
    GivenBack,
}

/// What a change of a coupon came to. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// changed, already, or would_change of a dry run.
    pub outcome: &'static str,
    /// Whether the shard has it.
    pub carried: bool,
    /// The coupon.
    pub coupon_id: String,
    /// Its event.
    pub event_id: String,
    /// Its winner.
    pub user_id: String,
    /// Its number, which is never given again.
    pub sequence: u64,
    /// How it stands, or would.
    pub state: &'static str,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It stands, or would stand, so.
    Done(Done),
    /// It cannot come from where it stands.
    Refused(&'static str),
    /// Its event is being armed: ask again.
    BeingArmed(String),
    /// Its event is archived: nothing about it changes any more.
    Archived(String),
    /// No row has it; it may be on its way.
    Unknown,
}

/// Returns a coupon, whose unit goes on sale again, or takes it away, with its unit (revoked) or
/// without (withdrawn); waits for so long until the shard has it.
pub async fn change(
    session: &mut Session,
    coupon: &CouponId,
    to: CouponState,
    operator: &Operator,
    mode: Mode,
    patience: Duration,
) -> Result<Outcome, StoreError> {
    let (outcome, row) = match session.change_coupon(coupon, to, operator, mode).await? {
        CouponChanged::Done(row) => ("changed", row),
        CouponChanged::Already(row) => ("already", row),
        CouponChanged::Would(row) => {
            return Ok(Outcome::Done(shown("would_change", coupon, &row, false)));
        }
        CouponChanged::Refused(row) => return Ok(Outcome::Refused(row.state.as_str())),
        CouponChanged::BeingArmed(event) => return Ok(Outcome::BeingArmed(event.to_string())),
        CouponChanged::Archived(event) => return Ok(Outcome::Archived(event.to_string())),
        CouponChanged::Unknown => return Ok(Outcome::Unknown),
    };
    let carried = change_is_carried(session, &row.event_id, coupon, patience).await?;
    Ok(Outcome::Done(shown(outcome, coupon, &row, carried)))
}

fn shown(outcome: &'static str, coupon: &CouponId, row: &CouponRow, carried: bool) -> Done {
    Done {
        outcome,
        carried,
        coupon_id: coupon.to_string(),
        event_id: row.event_id.to_string(),
        user_id: row.user_id.to_string(),
        sequence: row.sequence,
        state: row.state.as_str(),
    }
}
