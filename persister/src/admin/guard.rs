//! What stands before every call: who calls, what they may do, and how long it may take.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tracing::warn;

use super::guesses::{Guesses, LOCK};
use super::problem::{Code, Problem};
use super::tokens::{self, Caller, Role, Tokens};

/// For a call until its answer begins; it may itself wait 30 s for a change to be carried.
const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// Where a call comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Who may call, and who tried to find out.
pub(super) struct Door {
    tokens: Tokens,
    guesses: Guesses,
}

impl Door {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self { tokens, guesses: Guesses::default() }
    }

    /// Whose token it is, unless its address is locked out.
    fn opens(&self, address: IpAddr, token: Option<&str>) -> Result<Caller, Problem> {
        let now = Instant::now();
        if let Some(left) = self.guesses.locked(address, now) {
            return Err(locked_out(left));
        }
        let detail = "send Authorization: Bearer TOKEN, with one that this persister was given";
        let unknown = || Problem::new(Code::Unauthenticated, detail);
        let token = token.ok_or_else(unknown)?;
        if let Some(caller) = self.tokens.identify(token) {
            return Ok(caller.clone());
        }
        if self.guesses.wrong(address, tokens::hash(token), now) {
            warn!(%address, "guesses tokens: locked out for {LOCK:?}");
        }
        Err(unknown())
    }
}

fn locked_out(left: Duration) -> Problem {
    let seconds = left.as_secs() + 1;
    let detail = format!(
        "too many unknown tokens came from this address: no token is looked at for {seconds} s"
    );
    Problem::new(Code::LockedOut, detail).after(seconds)
}

/// Lets through whom a token names, and lets the call know them.
pub(super) async fn identify(
    State(door): State<Arc<Door>>,
    Extension(Peer(address)): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()));
    match door.opens(address, token) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
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
