//! Who calls, and what operators did.

use axum::extract::State;
use axum::{Extension, Json};
use contract::ids::EventId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Backends;
use super::ask::{Asked, limited, malformed};
use super::problem::Problem;
use super::tokens::Caller;
use crate::audit::{LineView, MAX_LINES, list as lines};
use crate::store::audit::Page;

/// Lines of a page where nothing is said.
const LINES: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    event: Option<String>,
    before: Option<u64>,
    limit: Option<u32>,
}

/// `GET /admin/v1/me`
pub(super) async fn me(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({ "name": caller.name, "role": caller.role.as_str() }))
}

/// `GET /admin/v1/audit?event=&before=&limit=`: newest first; `before` is the lowest id of the page
/// before.
pub(super) async fn list(
    State(backends): State<Backends>,
    Asked(which): Asked<Which>,
) -> Result<Json<Vec<LineView>>, Problem> {
    let event: Option<EventId> = match which.event {
        Some(text) => Some(text.parse().map_err(|bad| malformed(format!("event: {bad}")))?),
        None => None,
    };
    let limit = limited(which.limit, LINES, MAX_LINES)?;
    let page = Page { event, before: which.before.unwrap_or(0), limit };
    Ok(Json(lines(&mut backends.store.connect().await?, &page).await?))
}
