//! Dead letters over HTTP.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use contract::ids::EventId;
use serde::Deserialize;

use super::Backends;
use super::ask::{Asked, limited, malformed};
use super::problem::Problem;
use crate::consume::batch::Reason;
use crate::desk::{Cursor, PageView, page};
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
    state: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// `GET /admin/v1/dead-letters?event=&reason=&state=&after=&limit=`: those that failed first first;
/// `after` is what the page before says comes next.
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
    let filter = LetterFilter { event, reason, state, ..LetterFilter::default() };
    let session = &mut backends.store.connect().await?;
    Ok(Json(page(session, &filter, after.map(|cursor| cursor.0), limit).await?))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    let parse = |text: String| text.parse().map_err(|bad| malformed(format!("{name}: {bad}")));
    text.map(parse).transpose()
}
