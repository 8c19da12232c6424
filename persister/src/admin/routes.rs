//! All routes of the admin API.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use super::guard::Door;
use super::problem::{Code, Problem};
use super::tokens::Tokens;
use super::{
    Backends, console, coupons, desk, events, guard, live, preflight, runs, trail, users, winners,
};

/// The most bytes of a request's body.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// What it is, made of `openapi.yaml` beside it by `ops/checks/openapi.py`.
const OPENAPI: &str = include_str!("../../openapi.json");

/// Everything that can be called. Whoever has a token may look, operators may change; the console's
/// files are for everybody.
pub(super) fn routes(backends: Backends, tokens: Tokens) -> Router {
    let viewers = Router::new()
        .route("/openapi.json", get(openapi))
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
        .layer(from_fn_with_state(Arc::new(Door::new(tokens)), guard::identify))
        .layer(from_fn(guard::in_time))
        .merge(console::routes())
        .layer(from_fn(console::protect))
}

/// `GET /openapi.json`: the contract itself.
async fn openapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "/openapi.json lists what there is below /admin/v1/")
}

async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "GET looks, POST changes")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// axum does not tell its routes, so this very file is read.
    #[test]
    fn the_contract_has_every_route_and_no_other() {
        let source = include_str!("routes.rs");
        let source = source.split("#[cfg(test)]").next().unwrap();
        let routes = source.split(".route(\"").skip(1).map(|line| {
            let (path, rest) = line.split_once("\", ").unwrap();
            format!("{} {path}", rest.split('(').next().unwrap())
        });
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let documented = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        });
        let routes: BTreeSet<String> = routes.collect();
        assert!(routes.len() > 20, "{routes:?}");
        assert_eq!(routes, documented.collect());
    }
}
