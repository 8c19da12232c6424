//! All routes of the admin API.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use super::problem::{Code, Problem};
use super::tokens::Tokens;
use super::{
    Backends, console, coupons, desk, events, guard, live, preflight, runs, trail, users, winners,
};

/// The most bytes of a request's body.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Everything that can be called. Whoever has a token may look, operators may change; the console's
/// files are for everybody.
pub(super) fn routes(backends: Backends, tokens: Arc<Tokens>) -> Router {
    let viewers = Router::new()
        .route("/admin/v1/me", get(trail::me))
        .route("/admin/v1/live", get(live::look))
        .route("/admin/v1/audit", get(trail::list))
        .route("/admin/v1/dead-letters", get(desk::letters))
        .route("/admin/v1/dead-letters/{part}/{offset}", get(desk::letter))
        .route("/admin/v1/reconciliations", get(runs::runs))
        .route("/admin/v1/reconciliations/kinds", get(runs::kinds))
        .route("/admin/v1/reconciliations/{run}", get(runs::run))
        .route("/admin/v1/users/erasures", get(users::erasures))
        .route("/admin/v1/events", get(events::list))
        .route("/admin/v1/events/{event}", get(events::show))
        .route("/admin/v1/events/{event}/preflight", get(preflight::look))
        .route("/admin/v1/events/{event}/winners", get(winners::winners));
    let operators = Router::new()
        .route("/admin/v1/events", post(events::create))
        .route("/admin/v1/events/{event}/open", post(events::open))
        .route("/admin/v1/events/{event}/pause", post(events::pause))
        .route("/admin/v1/events/{event}/resume", post(events::resume))
        .route("/admin/v1/events/{event}/close", post(events::close))
        .route("/admin/v1/events/{event}/archive", post(events::archive))
        .route("/admin/v1/events/{event}/stock", post(events::stock))
        .route("/admin/v1/events/{event}/reschedule", post(events::reschedule))
        .route("/admin/v1/events/{event}/label", post(events::label))
        .route("/admin/v1/coupons/{coupon}/return", post(coupons::give_back))
        .route("/admin/v1/coupons/{coupon}/revoke", post(coupons::revoke))
        .route("/admin/v1/dead-letters/{part}/{offset}/replay", post(desk::bring_again))
        .route("/admin/v1/dead-letters/{part}/{offset}/discard", post(desk::give_up))
        .route("/admin/v1/users/erase", post(users::erase))
        .route_layer(from_fn(guard::operators_only));
    viewers
        .merge(operators)
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .with_state(backends)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(tokens, guard::identify))
        .layer(from_fn(guard::in_time))
        .merge(console::routes())
        .layer(from_fn(console::protect))
}

async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "the README lists what there is below /admin/v1/")
}

async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "GET looks, POST changes")
}
