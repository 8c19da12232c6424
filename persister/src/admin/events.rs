//! Events over HTTP.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::ETAG;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contract::event::{Confirm, Phase};
use contract::ids::EventId;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::Backends;
use super::ask::{Asked, Asking, Body, How, Named, Nothing, limited, malformed, ms};
use super::problem::{Code, Problem};
use crate::audit::LineView;
use crate::events::change::{self, Verb, Window};
use crate::events::create::{self, Begin, STOCK, Wish, check};
use crate::events::done::{Done, done, would};
use crate::events::view::{self, EVENTS, EventView, MAX_EVENTS, Page, view};
use crate::labels::Label;
use crate::store::events::Event;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    after: Option<EventId>,
    phase: Option<Phase>,
    limit: Option<u32>,
}

/// `GET /admin/v1/events?after=&phase=&limit=`: the oldest first; `after` is the last one of the page
/// before.
pub(super) async fn list(
    State(backends): State<Backends>,
    Asked(which): Asked<Which>,
) -> Result<Json<Vec<EventView>>, Problem> {
    let limit = limited(which.limit, EVENTS, MAX_EVENTS)?;
    let page = Page { after: which.after, phase: which.phase, limit };
    let events = view::list(&mut backends.store.connect().await?, &page).await?;
    events.map(Json).ok_or_else(|| malformed("after names no event"))
}

/// `GET /admin/v1/events/{event}`: its ETag is its version.
pub(super) async fn show(
    State(backends): State<Backends>,
    Named(event): Named<EventId>,
) -> Result<Response, Problem> {
    let details = view::show(&mut backends.store.connect().await?, &event).await?;
    let details = details.ok_or_else(|| unknown(&event))?;
    Ok(tagged(details.event.version, Json(details).into_response()))
}

/// A new event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    event_id: EventId,
    stock: u64,
    #[serde(default = "one")]
    per_user_limit: u32,
    opens_at: Option<DateTime<Utc>>,
    closes_at: Option<DateTime<Utc>>,
    #[serde(default = "replica")]
    confirm: Confirm,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    open: bool,
}

fn one() -> u32 {
    1
}

fn replica() -> Confirm {
    Confirm::Replica
}

/// `POST /admin/v1/events`
pub(super) async fn create(
    State(backends): State<Backends>,
    asking: Asking,
    Body { what: new, how }: Body<New>,
) -> Result<Response, Problem> {
    let (ask, patience) = (how.ask_once(&asking)?, how.patience()?);
    let now_ms = u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0);
    let event = check(wish(new)?, now_ms).map_err(|bad| malformed(bad.to_string()))?;
    let session = &mut backends.store.connect().await?;
    let (outcome, event) = match create::create(session, &event, &ask).await? {
        create::Outcome::Created(event) => ("created", event),
        create::Outcome::Already(event) => ("already", event),
        create::Outcome::Would(event) => return Ok(Json(would(None, &event)).into_response()),
        create::Outcome::IdUsed(event) => {
            let detail = "an event had this id before: ids are never used again, choose another";
            let known = view(&event, String::new());
            return Err(Problem::new(Code::IdUsed, detail).with("event", json!(known)));
        }
    };
    let status = if outcome == "created" { StatusCode::CREATED } else { StatusCode::OK };
    let done = done(session, outcome, event, patience).await?;
    Ok((status, answer(done)?).into_response())
}

fn labels(labels: &BTreeMap<String, String>) -> Result<Vec<Label>, Problem> {
    let label = |(name, text): (&String, &String)| Label::new(name, text);
    labels.iter().map(label).collect::<Result<_, _>>().map_err(|bad| malformed(bad.to_string()))
}

fn wish(new: New) -> Result<Wish, Problem> {
    Ok(Wish {
        opens_at_ms: ms(new.opens_at, "opens_at")?,
        closes_at_ms: ms(new.closes_at, "closes_at")?,
        event_id: new.event_id,
        stock: new.stock,
        per_user_limit: new.per_user_limit,
        confirm: new.confirm,
        labels: labels(&new.labels)?,
        begin: if new.open { Begin::Open } else { Begin::Scheduled },
    })
}

/// `POST /admin/v1/events/{event}/open`
pub(super) async fn open(call: Call, body: Body<Nothing>) -> Changed {
    call.change(Verb::Open, &body.how).await
}

/// `POST /admin/v1/events/{event}/pause`
pub(super) async fn pause(call: Call, body: Body<Nothing>) -> Changed {
    call.change(Verb::Pause, &body.how).await
}

/// `POST /admin/v1/events/{event}/resume`
pub(super) async fn resume(call: Call, body: Body<Nothing>) -> Changed {
    call.change(Verb::Resume, &body.how).await
}

/// `POST /admin/v1/events/{event}/close`
pub(super) async fn close(call: Call, body: Body<Nothing>) -> Changed {
    call.change(Verb::Close, &body.how).await
}

/// `POST /admin/v1/events/{event}/archive`
pub(super) async fn archive(call: Call, body: Body<Nothing>) -> Changed {
    call.change(Verb::Archive, &body.how).await
}

/// How many units there are to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stock {
    to: u64,
}

/// `POST /admin/v1/events/{event}/stock`
pub(super) async fn stock(call: Call, body: Body<Stock>) -> Changed {
    let to = body.what.to;
    if !STOCK.contains(&to) {
        let detail = format!("to is from {} to {}", STOCK.start(), STOCK.end());
        return Err(malformed(detail));
    }
    call.change(Verb::Stock(to), &body.how).await
}

/// When it is to be on sale. Of each end: absent leaves it, null takes it away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    #[serde(default, deserialize_with = "said")]
    opens_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "said")]
    closes_at: Option<Option<DateTime<Utc>>>,
}

/// A field that is there, be it null.
fn said<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<DateTime<Utc>>>, D::Error> {
    Deserialize::deserialize(field).map(Some)
}

/// `POST /admin/v1/events/{event}/reschedule`
pub(super) async fn reschedule(call: Call, body: Body<Times>) -> Changed {
    let end = |said: Option<Option<DateTime<Utc>>>, field: &str| match said {
        None => Ok(None),
        Some(None) => Ok(Some(0)),
        Some(time) => ms(time, field),
    };
    let window = Window {
        opens_at_ms: end(body.what.opens_at, "opens_at")?,
        closes_at_ms: end(body.what.closes_at, "closes_at")?,
    };
    call.change(Verb::Reschedule(window), &body.how).await
}

/// What it is to be labelled with; an empty text takes a label away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetLabels {
    labels: BTreeMap<String, String>,
}

/// `POST /admin/v1/events/{event}/label`
pub(super) async fn label(call: Call, body: Body<SetLabels>) -> Changed {
    call.change(Verb::Label(labels(&body.what.labels)?), &body.how).await
}

/// What a change answers.
type Changed = Result<Response, Problem>;

/// A change of an event that is called for: by whom, and of which.
pub(super) struct Call {
    backends: Backends,
    asking: Asking,
    event: EventId,
}

impl FromRequestParts<Backends> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, backends: &Backends) -> Result<Self, Problem> {
        let Named(event) = Named::from_request_parts(parts, backends).await?;
        let asking = Asking::from_request_parts(parts, backends).await?;
        Ok(Self { backends: backends.clone(), asking, event })
    }
}

impl Call {
    async fn change(&self, verb: Verb, how: &How) -> Changed {
        let (ask, patience) = (how.ask(&self.asking)?, how.patience()?);
        let id = &self.event;
        let session = &mut self.backends.store.connect().await?;
        let (outcome, event) = match change::change(session, id, &verb, &ask).await? {
            change::Outcome::Changed(_, event) => ("changed", event),
            change::Outcome::Already(event) => ("already", event),
            change::Outcome::Would(before, after) => {
                return Ok(Json(would(Some(&before), &after)).into_response());
            }
            refused => return Err(problem(id, refused)),
        };
        answer(done(session, outcome, event, patience).await?)
    }
}

fn problem(id: &EventId, refused: change::Outcome) -> Problem {
    let shown = |event: &Event| json!(view(event, event.waiting_for.clone()));
    match refused {
        change::Outcome::Refused(event, why) => {
            Problem::new(Code::Refused, why).with("event", shown(&event))
        }
        change::Outcome::Held(event, units) => {
            Problem::new(Code::Held, format!("winners hold {units} units"))
                .with("held", json!(units))
                .with("event", shown(&event))
        }
        change::Outcome::Overtaken(event, since) => {
            let since: Vec<LineView> = since.into_iter().map(LineView::of).collect();
            let detail = "look at what changed since, then decide again";
            Problem::new(Code::VersionConflict, detail)
                .with("changed_by", json!(since))
                .with("event", shown(&event))
        }
        change::Outcome::Unknown
        | change::Outcome::Changed(..)
        | change::Outcome::Already(_)
        | change::Outcome::Would(..) => unknown(id),
    }
}

fn answer(done: Option<Done>) -> Changed {
    let done = done.ok_or_else(|| Problem::new(Code::UnknownEvent, "the event is gone"))?;
    Ok(tagged(done.event.version, Json(done).into_response()))
}

fn tagged(version: u64, mut response: Response) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn unknown(event: &EventId) -> Problem {
    Problem::new(Code::UnknownEvent, format!("there is no event {event}"))
}
