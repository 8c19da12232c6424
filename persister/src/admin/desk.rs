//! Dead letters over HTTP.

use std::str::FromStr;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use contract::ids::EventId;
use serde::Deserialize;

use super::Backends;
use super::ask::{Asked, Asking, Body, Nothing, limited, malformed, ms};
use super::problem::{Code, Problem};
use crate::consume::batch::Reason;
use crate::desk::{
    BadName, Cursor, DiscardOutcome, Discarded, LetterName, LetterView, Outcome, PageView,
    Replayed, discard, page, show,
};
use crate::store::desk::{LetterFilter, Resolution, StateFilter};

/// Letters of a page where nothing is said.
const LETTERS: u32 = 50;
/// The most of them.
const MOST: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichLetters {
    event: Option<String>,
    reason: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    state: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// `GET /admin/v1/dead-letters?event=&reason=&since=&until=&state=&after=&limit=`: those that failed
/// first first; `after` is what the page before says comes next.
pub(super) async fn letters(
    State(backends): State<Backends>,
    Asked(which): Asked<WhichLetters>,
) -> Result<Json<PageView>, Problem> {
    let event: Option<EventId> = parsed("event", which.event)?;
    let after: Option<Cursor> = parsed("after", which.after)?;
    let reason = match which.reason {
        Some(word) => {
            Some(Reason::parse(&word).ok_or_else(|| malformed("no such reason".to_owned()))?)
        }
        None => None,
    };
    let state = match which.state.as_deref() {
        None | Some("waiting") => StateFilter::Waiting,
        Some("all") => StateFilter::Any,
        Some(word) => match Resolution::parse(word) {
            Some(how) => StateFilter::Resolved(how),
            None => {
                let text = "state is waiting, united, replayed, given_up or all";
                return Err(malformed(text.to_owned()));
            }
        },
    };
    let limit = limited(which.limit, LETTERS, MOST)?;
    let since_ms = ms(which.since, "since")?.unwrap_or(0);
    let until_ms = ms(which.until, "until")?.unwrap_or(0);
    let filter = LetterFilter { event, reason, since_ms, until_ms, state };
    let session = &mut backends.store.connect().await?;
    Ok(Json(page(session, &filter, after.map(|cursor| cursor.0), limit).await?))
}

/// The letter that a path names, by partition and offset.
pub(super) struct OfLetter(LetterName);

impl<S: Send + Sync> FromRequestParts<S> for OfLetter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((part, offset)): Path<(String, String)> = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejected| malformed(rejected.body_text()))?;
        let name = format!("{part}/{offset}").parse();
        name.map(Self).map_err(|bad: BadName| malformed(bad.to_string()))
    }
}

/// `GET /admin/v1/dead-letters/{part}/{offset}`: with its record.
pub(super) async fn letter(
    State(backends): State<Backends>,
    OfLetter(name): OfLetter,
) -> Result<Json<LetterView>, Problem> {
    let letter = show(&mut backends.store.connect().await?, name.0).await?;
    letter.map(Json).ok_or_else(|| unknown(name))
}

/// `POST /admin/v1/dead-letters/{part}/{offset}/replay`
pub(super) async fn bring_again(
    State(backends): State<Backends>,
    asking: Asking,
    OfLetter(name): OfLetter,
    Body { how, .. }: Body<Nothing>,
) -> Result<Json<Replayed>, Problem> {
    let (ask, patience) = (how.ask_once(&asking)?, how.patience()?);
    let replayed = backends.desk.replay(&[name.0], &ask.operator, ask.mode, patience).await?;
    let one = replayed.into_iter().next().ok_or_else(|| unknown(name))?;
    match one.outcome {
        Outcome::Unknown => Err(unknown(name)),
        Outcome::Refused => Err(Problem::new(Code::Refused, one.detail)),
        Outcome::Failed => {
            let detail = format!("Kafka has not taken it, and it waits on: {}", one.detail);
            Err(Problem::new(Code::Unavailable, detail))
        }
        Outcome::Row
        | Outcome::FailedAgain
        | Outcome::OnItsWay
        | Outcome::Settled
        | Outcome::WouldReplay => Ok(Json(one)),
    }
}

/// `POST /admin/v1/dead-letters/{part}/{offset}/discard`: why must be said.
pub(super) async fn give_up(
    State(backends): State<Backends>,
    asking: Asking,
    OfLetter(name): OfLetter,
    Body { how, .. }: Body<Nothing>,
) -> Result<Json<Discarded>, Problem> {
    let ask = how.ask_once(&asking)?;
    if ask.operator.why.trim().is_empty() {
        return Err(malformed("say why: it stays with the letter"));
    }
    let session = &mut backends.store.connect().await?;
    let one = discard(session, name.0, &ask.operator, ask.mode).await?;
    match one.outcome {
        DiscardOutcome::Unknown => Err(unknown(name)),
        DiscardOutcome::Refused => Err(Problem::new(Code::Refused, one.detail)),
        DiscardOutcome::GivenUp | DiscardOutcome::Already | DiscardOutcome::WouldGiveUp => {
            Ok(Json(one))
        }
    }
}

fn unknown(name: LetterName) -> Problem {
    Problem::new(Code::UnknownLetter, format!("there is no letter {name}"))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    let parse = |text: String| text.parse().map_err(|bad| malformed(format!("{name}: {bad}")));
    text.map(parse).transpose()
}
