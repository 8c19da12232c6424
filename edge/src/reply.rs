//! Replies: the one place where an outcome or an error becomes HTTP. What the public reads says
//! what to do; what went wrong inside is in the log.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use contract::coupon::{CouponState, Win};
use contract::ids::{CouponId, EventId, UserId};
use http_body_util::Full;
use hyper::Response;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;

use crate::claims::{Told, Untold};
use crate::code::{Code, RetryAfter};
use crate::demo;
use crate::health::Report;
use crate::identity::Refused;
use crate::issue::{Answered, NotIssued};
use crate::limits::{Exceeded, Layer};
use crate::mine::{Mine, NotListed};
use crate::openapi;
use crate::request::BadRequest;
use crate::status::{NoStatus, Status};

/// What a connection sends back.
pub type HttpResponse = Response<Full<Bytes>>;

/// A reply and what it is, for the metrics.
#[derive(Debug)]
pub struct Reply {
    /// What it is.
    pub code: Code,
    /// How it is sent.
    pub response: HttpResponse,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// A 401 must name a scheme; two of the modes have none that is registered.
const OPEN_SCHEME: HeaderValue = HeaderValue::from_static("Open realm=\"firstcome\"");
const GATEWAY_SCHEME: HeaderValue = HeaderValue::from_static("Gateway realm=\"firstcome\"");
/// RFC 6750, 3: without credentials there is no error to tell of.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"firstcome\"");
const BAD_BEARER: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"firstcome\", error=\"invalid_token\"");

/// The longest Retry-After for an opening that is further away.
const MAX_OPENING_WAIT_MS: u64 = 60_000;

/// RFC 9457, with the members that this API adds.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(skip)]
    kind: Code,
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupons: Option<Vec<CouponBody>>,
}

#[derive(Serialize)]
struct IssuedBody<'a> {
    outcome: &'static str,
    event_id: &'a EventId,
    user_id: &'a UserId,
    coupon_id: CouponId,
    sequence: u64,
    issued_at: String,
}

#[derive(Serialize)]
struct CouponBody {
    coupon_id: CouponId,
    sequence: u64,
    state: &'static str,
    issued_at: String,
}

#[derive(Serialize)]
struct MineBody<'a> {
    event_id: &'a EventId,
    user_id: &'a UserId,
    coupons: Vec<CouponBody>,
}

#[derive(Serialize)]
struct StatusBody<'a> {
    event_id: &'a EventId,
    phase: &'static str,
    stock: u64,
    left: u64,
    per_user_limit: u32,
    opens_at: Option<String>,
    closes_at: Option<String>,
}

/// The reply to a claim.
pub fn issue(result: Result<Answered, NotIssued>) -> Reply {
    match result {
        Ok(answered) => told(&answered),
        Err(NotIssued::Request(bad)) => bad_request(&bad),
        Err(NotIssued::Exceeded(limit)) => exceeded(&limit),
        Err(NotIssued::Refused(why)) => refused(why),
        Err(NotIssued::UnknownEvent(event)) => unknown_event(&event),
        Err(NotIssued::DirectoryStale(event)) => directory_stale(&event),
        Err(NotIssued::KeyRequired(event)) => {
            let detail = "a user may hold more than one: name each attempt by an Idempotency-Key";
            Problem::of(Code::IdempotencyKeyRequired, detail).event(&event).reply()
        }
        Err(NotIssued::Untold(event, why)) => untold(&event, why),
    }
}

fn told(Answered { event, user, told }: &Answered) -> Reply {
    match told {
        Told::Issued(win) => issued(Code::Issued, event, user, win),
        Told::AlreadyIssued(win) => issued(Code::AlreadyIssued, event, user, win),
        Told::LimitReached(wins) => {
            let mut problem = Problem::of(Code::LimitReached, "you hold as many as allowed");
            problem.coupons = Some(wins.iter().map(CouponBody::of).collect());
            problem.event(event).reply()
        }
        Told::Revoked => {
            let detail = "your coupon was revoked and counts against your limit";
            Problem::of(Code::Revoked, detail).event(event).reply()
        }
        Told::SoldOut => sold_out(event),
        Told::NotOpen { opens_at_ms, now_ms } => not_open(event, *opens_at_ms, *now_ms),
        Told::Paused => Problem::of(Code::Paused, "the event is paused").event(event).reply(),
        Told::Closed => Problem::of(Code::Closed, "the event is over").event(event).reply(),
    }
}

fn issued(code: Code, event_id: &EventId, user_id: &UserId, win: &Win) -> Reply {
    let body = IssuedBody {
        outcome: code.as_str(),
        event_id,
        user_id,
        coupon_id: win.coupon,
        sequence: win.sequence,
        issued_at: rfc3339(win.issued_at_ms),
    };
    json(code, &body)
}

/// Most answers of a rush are this one: put together from three pieces, without serde.
fn sold_out(event: &EventId) -> Reply {
    const BEFORE: &[u8] =
        br#"{"type":"urn:firstcome:problem:sold_out","title":"Sold out","status":409,"#;
    const BETWEEN: &[u8] = br#""detail":"no unit is left","code":"sold_out","event_id":""#;
    const AFTER: &[u8] = br#""}"#;
    let body = [BEFORE, BETWEEN, event.as_str().as_bytes(), AFTER].concat();
    respond(Code::SoldOut, PROBLEM, body)
}

fn not_open(event: &EventId, opens_at_ms: u64, now_ms: u64) -> Reply {
    let mut problem = Problem::of(Code::NotOpen, "the event is not open yet").event(event);
    if opens_at_ms > now_ms {
        let wait_ms = (opens_at_ms - now_ms).min(MAX_OPENING_WAIT_MS);
        problem.opens_at = Some(rfc3339(opens_at_ms));
        problem.retry_after_ms =
            problem.retry_after_ms.map(|jitter_ms| wait_ms.saturating_add(jitter_ms / 2));
    }
    problem.reply()
}

fn untold(event: &EventId, why: Untold) -> Reply {
    let (code, detail) = match why {
        Untold::Busy => (Code::Busy, "too many requests are waiting"),
        Untold::Reopening => (Code::Busy, "more units are about to go on sale"),
        Untold::Fenced => (Code::Fenced, "the event recovers from a fault"),
        Untold::Unconfirmed => (Code::Unconfirmed, "what was found could not be confirmed"),
        Untold::Unavailable => (Code::Unavailable, "the event's store did not answer"),
    };
    let detail = format!("{detail}; ask again to learn where you stand");
    Problem::of(code, &detail).event(event).reply()
}

/// The reply to a question how an event stands.
pub fn status(result: Result<Status, NoStatus>) -> Reply {
    match result {
        Ok(status) => {
            let body = StatusBody {
                event_id: &status.event,
                phase: status.phase.as_str(),
                stock: status.stock,
                left: status.left,
                per_user_limit: status.per_user_limit,
                opens_at: some_rfc3339(status.opens_at_ms),
                closes_at: some_rfc3339(status.closes_at_ms),
            };
            json(Code::Ok, &body)
        }
        Err(NoStatus::Request(bad)) => bad_request(&bad),
        Err(NoStatus::UnknownEvent(event)) => unknown_event(&event),
        Err(NoStatus::DirectoryStale(event)) => directory_stale(&event),
        Err(NoStatus::Untold(event, why)) => untold(&event, why),
    }
}

/// The reply to a question for one's coupons.
pub fn mine(result: Result<Mine, NotListed>) -> Reply {
    match result {
        Ok(mine) => {
            let coupons = mine.wins.iter().map(CouponBody::of).collect();
            json(Code::Ok, &MineBody { event_id: &mine.event, user_id: &mine.user, coupons })
        }
        Err(NotListed::Request(bad)) => bad_request(&bad),
        Err(NotListed::Exceeded(limit)) => exceeded(&limit),
        Err(NotListed::Refused(why)) => refused(why),
        Err(NotListed::UnknownEvent(event)) => unknown_event(&event),
        Err(NotListed::DirectoryStale(event)) => directory_stale(&event),
        Err(NotListed::Untold(event, why)) => untold(&event, why),
    }
}

/// The reply to `/health`: 200 also when degraded, 503 when nothing can be granted.
pub fn health(report: &Report) -> Reply {
    let mut reply = json(Code::Ok, report);
    if !report.can_grant() {
        reply.code = Code::NotReady;
        *reply.response.status_mut() = Code::NotReady.status();
    }
    reply
}

/// The reply to `/health/live`.
pub fn live() -> Reply {
    respond(Code::Ok, JSON, &b"{\"status\":\"live\"}"[..])
}

/// The reply to `/health/ready`; `Err` says what it waits for.
pub fn ready(ready: Result<(), &'static str>) -> Reply {
    match ready {
        Ok(()) => respond(Code::Ok, JSON, &b"{\"status\":\"ready\"}"[..]),
        Err(why) => Problem::of(Code::NotReady, why).reply(),
    }
}

/// A file of the demo page, which may ask for nothing that is not the edge's own.
pub fn demo(file: Option<&demo::File>) -> Reply {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    let Some(file) = file else {
        return not_found();
    };
    let mut reply = respond(Code::Ok, file.kind.clone(), file.text);
    let headers = reply.response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}

/// The reply to `/openapi.json`.
pub fn openapi() -> Reply {
    respond(Code::Ok, JSON, openapi::DOCUMENT)
}

/// No such path.
pub fn not_found() -> Reply {
    Problem::of(Code::NotFound, "there is nothing at this path").reply()
}

/// The path knows other methods.
pub fn method_not_allowed(allowed: &'static str) -> Reply {
    let detail = format!("this path takes {allowed}");
    let mut reply = Problem::of(Code::MethodNotAllowed, &detail).reply();
    reply.response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// The reply to OPTIONS.
pub fn options(allowed: &'static str) -> Reply {
    let mut reply = respond(Code::Ok, JSON, Bytes::new());
    *reply.response.status_mut() = hyper::StatusCode::NO_CONTENT;
    let headers = reply.response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

fn bad_request(bad: &BadRequest) -> Reply {
    let code = match bad {
        BadRequest::Malformed(_) => Code::Malformed,
        BadRequest::TooLarge => Code::TooLarge,
        BadRequest::TooSlow => Code::TooSlow,
        BadRequest::NotJson => Code::UnsupportedMediaType,
    };
    Problem::of(code, &bad.to_string()).reply()
}

/// With the fields of draft-ietf-httpapi-ratelimit-headers-10: `q` requests in `w` seconds, `r` of
/// them left, more in `t` seconds.
fn exceeded(limit: &Exceeded) -> Reply {
    let layer = limit.layer.as_str();
    let detail = match limit.layer {
        Layer::All => "too many people ask at once",
        Layer::Address => "too many requests from this address",
        Layer::User => "too many requests of this user",
    };
    let mut problem = Problem::of(Code::TooManyRequests, detail);
    let retry = RetryAfter { from: limit.wait, to: limit.wait + limit.spread };
    problem.retry_after_ms = Some(retry.draw_ms());
    let mut reply = problem.reply();
    let headers = reply.response.headers_mut();
    let (burst, window_s) = (limit.rate.burst, limit.rate.window_s());
    let wait_s = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).unwrap_or("1");
    let fields = [
        (RATE_LIMIT_POLICY, format!("\"{layer}\";q={burst};w={window_s}")),
        (RATE_LIMIT, format!("\"{layer}\";r=0;t={wait_s}")),
    ];
    for (name, field) in fields {
        headers.insert(name, field.parse().expect("a word and numbers"));
    }
    reply
}

/// The same whatever is asked for, since nothing was looked up.
fn refused(why: Refused) -> Reply {
    let scheme = match why {
        Refused::NotYours => return Problem::of(Code::Forbidden, &why.to_string()).reply(),
        Refused::NoKeys => return Problem::of(Code::NotReady, &why.to_string()).reply(),
        Refused::NobodyNamed => OPEN_SCHEME,
        Refused::NoGateway | Refused::NoUser => GATEWAY_SCHEME,
        Refused::NoToken => BEARER,
        Refused::NotAToken
        | Refused::UnknownKey
        | Refused::Signature
        | Refused::Expired
        | Refused::TooEarly
        | Refused::Issuer
        | Refused::Audience
        | Refused::Claims
        | Refused::Subject => BAD_BEARER,
    };
    let mut reply = Problem::of(Code::Unauthenticated, &why.to_string()).reply();
    reply.response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    reply
}

fn unknown_event(event: &EventId) -> Reply {
    Problem::of(Code::UnknownEvent, "there is no such event").event(event).reply()
}

fn directory_stale(event: &EventId) -> Reply {
    let detail = "the event is not known here, but news may not have arrived; ask again";
    Problem::of(Code::DirectoryStale, detail).event(event).reply()
}

impl<'a> Problem<'a> {
    fn of(kind: Code, detail: &'a str) -> Self {
        Self {
            kind,
            r#type: format!("urn:firstcome:problem:{}", kind.as_str()),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail,
            code: kind.as_str(),
            event_id: None,
            opens_at: None,
            retry_after_ms: kind.retry_after().map(RetryAfter::draw_ms),
            coupons: None,
        }
    }

    fn event(self, event: &'a EventId) -> Self {
        Self { event_id: Some(event), ..self }
    }

    fn reply(self) -> Reply {
        let mut reply = respond(self.kind, PROBLEM, encode(&self));
        if let Some(ms) = self.retry_after_ms {
            let seconds = HeaderValue::from(ms.div_ceil(1_000).max(1));
            reply.response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        reply
    }
}

/// What became of the unit of a coupon that was taken away does not concern its user.
fn public_state(state: CouponState) -> &'static str {
    match state {
        CouponState::Withdrawn => CouponState::Revoked.as_str(),
        state => state.as_str(),
    }
}

impl CouponBody {
    fn of(win: &Win) -> Self {
        Self {
            coupon_id: win.coupon,
            sequence: win.sequence,
            state: public_state(win.state),
            issued_at: rfc3339(win.issued_at_ms),
        }
    }
}

fn json(code: Code, body: &impl Serialize) -> Reply {
    respond(code, JSON, encode(body))
}

fn encode(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("a body has only strings, numbers and lists")
}

fn respond(code: Code, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = code.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, NO_STORE);
    Reply { code, response }
}

/// Unix milliseconds as RFC 3339 in UTC, with milliseconds.
fn rfc3339(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
    time.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// 0 means that there is no such moment.
fn some_rfc3339(ms: u64) -> Option<String> {
    (ms > 0).then(|| rfc3339(ms))
}

#[cfg(test)]
mod tests;
