//! What stands before every call: who calls, what they may do, and how long it may take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::problem::{Code, Problem};
use super::tokens::{Caller, Role, Tokens};

/// For a call until its answer begins; it may itself wait 30 s for a change to be carried.
const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// Lets through whom a token names, and lets the call know them.
pub(super) async fn identify(
    State(tokens): State<Arc<Tokens>>,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()));
    match token.and_then(|token| tokens.identify(token)) {
        Some(caller) => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
        None => {
            let detail = "send Authorization: Bearer TOKEN, with one that this persister was given";
            Problem::new(Code::Unauthenticated, detail).into_response()
        }
    }
}

/// Lets through who may change things.
pub(super) async fn operators_only(request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>() {
        Some(caller) if caller.role >= Role::Operator => next.run(request).await,
        Some(caller) => {
            let detail = format!("{} is a viewer; this takes an operator", caller.name);
            Problem::new(Code::Forbidden, detail).into_response()
        }
        None => Problem::new(Code::Unauthenticated, "nobody is named").into_response(),
    }
}

/// Gives up a call that takes too long. What it changed by then stays changed.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "no answer in time; a change may or may not have been made: ask again";
        Problem::new(Code::Deadline, detail).into_response()
    })
}
