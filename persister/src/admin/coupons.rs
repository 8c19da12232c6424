//! Coupons over HTTP.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use contract::coupon::CouponState;
use contract::ids::CouponId;

use super::Backends;
use super::ask::{Body, How, Named, Nothing};
use super::problem::{Code, Problem};
use super::tokens::Caller;
use crate::coupons::{Done, Outcome, change};

/// `POST /admin/v1/coupons/{coupon}/return`
pub(super) async fn give_back(
    State(backends): State<Backends>,
    Extension(caller): Extension<Caller>,
    Named(coupon): Named<CouponId>,
    Body { how, .. }: Body<Nothing>,
) -> Result<Json<Done>, Problem> {
    to(&backends, &caller, &coupon, CouponState::Returned, &how).await
}

/// `POST /admin/v1/coupons/{coupon}/revoke`
pub(super) async fn revoke(
    State(backends): State<Backends>,
    Extension(caller): Extension<Caller>,
    Named(coupon): Named<CouponId>,
    Body { how, .. }: Body<Nothing>,
) -> Result<Json<Done>, Problem> {
    to(&backends, &caller, &coupon, CouponState::Revoked, &how).await
}

async fn to(
    backends: &Backends,
    caller: &Caller,
    coupon: &CouponId,
    state: CouponState,
    how: &How,
) -> Result<Json<Done>, Problem> {
    let (ask, patience) = (how.ask(caller, &HeaderMap::new())?, how.patience()?);
    let session = &mut backends.store.connect().await?;
    match change(session, coupon, state, &ask.operator, ask.mode, patience).await? {
        Outcome::Done(done) => Ok(Json(done)),
        Outcome::Refused(state) => {
            Err(Problem::new(Code::Refused, format!("the coupon is {state}")))
        }
        Outcome::BeingArmed(event) => {
            Err(Problem::new(Code::BeingArmed, format!("{event} is being armed: ask again")))
        }
        Outcome::Unknown => {
            let detail = "no row has this coupon; it may be on its way";
            Err(Problem::new(Code::UnknownCoupon, detail))
        }
    }
}
