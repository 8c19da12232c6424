//! Coupons over HTTP.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use contract::coupon::CouponState;
use contract::ids::CouponId;
use serde::Deserialize;

use super::Backends;
use super::ask::{Asking, Body, Named, Nothing};
use super::problem::{Code, Problem};
use crate::coupons::{Done, Outcome, Unit, change, revoked};
use crate::events::ask::Ask;

/// `POST /admin/v1/coupons/{coupon}/return`
pub(super) async fn give_back(
    State(backends): State<Backends>,
    asking: Asking,
    Named(coupon): Named<CouponId>,
    Body { how, .. }: Body<Nothing>,
) -> Result<Json<Done>, Problem> {
    let ask = how.ask_once(&asking)?;
    to(&backends, &ask, &coupon, CouponState::Returned, how.patience()?).await
}

/// A coupon that is taken away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    #[serde(default)]
    give_back: bool,
}

/// `POST /admin/v1/coupons/{coupon}/revoke`
pub(super) async fn revoke(
    State(backends): State<Backends>,
    asking: Asking,
    Named(coupon): Named<CouponId>,
    Body { what, how }: Body<Revoke>,
) -> Result<Json<Done>, Problem> {
    let unit = if what.give_back { Unit::GivenBack } else { Unit::Kept };
    let ask = how.ask_once(&asking)?;
    to(&backends, &ask, &coupon, revoked(unit), how.patience()?).await
}

async fn to(
    backends: &Backends,
    ask: &Ask,
    coupon: &CouponId,
    state: CouponState,
    patience: Duration,
) -> Result<Json<Done>, Problem> {
    let session = &mut backends.store.connect().await?;
    match change(session, coupon, state, &ask.operator, ask.mode, patience).await? {
        Outcome::Done(done) => Ok(Json(done)),
        Outcome::Refused(state) => {
            Err(Problem::new(Code::Refused, format!("the coupon is {state}")))
        }
        Outcome::BeingArmed(event) => {
            Err(Problem::new(Code::BeingArmed, format!("{event} is being armed: ask again")))
        }
        Outcome::Archived(event) => {
            let detail = format!("{event} is archived: its rows are final");
            Err(Problem::new(Code::Refused, detail))
        }
        Outcome::Unknown => {
            let detail = "no row has this coupon; it may be on its way";
            Err(Problem::new(Code::UnknownCoupon, detail))
        }
    }
}
