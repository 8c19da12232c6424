//! A claim and its answers over HTTP, the same for every baseline.

use std::error::Error;
use std::net::SocketAddr;

use contract::ids::{EventId, UserId};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Failed;
use crate::server::{self, Reply};

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Granted now, with this number.
    Won { sequence: u64 },
    /// The user had won before.
    Again,
    /// No unit is left.
    SoldOut,
    /// It will be decided later.
    Pending,
}

#[derive(Debug, Deserialize)]
struct Body {
    event_id: EventId,
    user_id: UserId,
}

/// Serves claims for one event, until the process is ended.
pub(crate) async fn serve<A, F>(
    listen: SocketAddr,
    event: EventId,
    claim: A,
) -> Result<(), Box<dyn Error>>
where
    A: Fn(Asked, UserId) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Outcome, Failed>> + Send + 'static,
{
    server::serve(listen, move |request| answer(request, event.clone(), claim.clone())).await
}

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A coupon.
    Issue,
    /// What became of an earlier claim, where the answer to it did not tell.
    Result,
}

fn asked(path: &str) -> Option<Asked> {
    match path {
        "/api/v1/coupons/issue" => Some(Asked::Issue),
        "/api/v1/coupons/result" => Some(Asked::Result),
        _ => None,
    }
}

async fn answer<A, F>(request: Request<Incoming>, event: EventId, claim: A) -> Reply
where
    A: Fn(Asked, UserId) -> F,
    F: Future<Output = Result<Outcome, Failed>>,
{
    let Some(asked) = asked(request.uri().path()) else {
        return refused(StatusCode::NOT_FOUND, "not_found", "");
    };
    let Ok(body) = request.into_body().collect().await else {
        return refused(StatusCode::BAD_REQUEST, "malformed", "the body was cut off");
    };
    let body: Body = match serde_json::from_slice(&body.to_bytes()) {
        Ok(body) => body,
        Err(error) => return refused(StatusCode::BAD_REQUEST, "malformed", &error.to_string()),
    };
    if body.event_id != event {
        return refused(StatusCode::NOT_FOUND, "unknown_event", "");
    }
    match claim(asked, body.user_id.clone()).await {
        Ok(outcome) => told(outcome, &body),
        Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error.to_string()),
    }
}

fn told(outcome: Outcome, Body { event_id, user_id }: &Body) -> Reply {
    let (event, user) = (event_id.as_str(), user_id.as_str());
    let whose = |outcome: &str| json!({ "outcome": outcome, "event_id": event, "user_id": user });
    let (status, body): (_, Value) = match outcome {
        Outcome::Won { sequence } => {
            let mut body = whose("issued");
            body["sequence"] = sequence.into();
            (StatusCode::OK, body)
        }
        Outcome::Again => (StatusCode::OK, whose("already_issued")),
        Outcome::Pending => (StatusCode::ACCEPTED, whose("pending")),
        Outcome::SoldOut => return refused(StatusCode::CONFLICT, "sold_out", "no unit is left"),
    };
    server::json(status, body.to_string())
}

fn refused(status: StatusCode, code: &str, detail: &str) -> Reply {
    let body = json!({ "status": status.as_u16(), "code": code, "detail": detail });
    server::json(status, body.to_string())
}
