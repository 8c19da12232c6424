//! A sale as it runs, over HTTP: what the console asks for once a second.

use axum::Json;
use axum::extract::State;
use contract::ids::EventId;
use serde::{Deserialize, Serialize};

use super::Backends;
use super::ask::{Asked, malformed};
use super::problem::Problem;
use crate::live::figures::Figures;
use crate::live::{Aged, System};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    event: Option<String>,
}

/// What is going on.
#[derive(Serialize)]
pub(super) struct View {
    system: Aged<System>,
    /// Null: none was asked for, there is none of that id, or MySQL does not answer.
    event: Option<Aged<Figures>>,
}

/// `GET /admin/v1/live?event=`: the system, and one event in figures. It is gathered once for all who
/// ask within a second.
pub(super) async fn look(
    State(backends): State<Backends>,
    Asked(which): Asked<Which>,
) -> Result<Json<View>, Problem> {
    let event: Option<EventId> = match which.event {
        Some(text) => Some(text.parse().map_err(|bad| malformed(format!("event: {bad}")))?),
        None => None,
    };
    // Boxed: futures so deep within each other are beyond the compiler.
    let system = Box::pin(backends.live.system()).await?;
    let event = match event {
        // The system was seen: without MySQL it is shown all the same.
        Some(event) => Box::pin(backends.live.event(&event)).await.ok().and_then(Aged::present),
        None => None,
    };
    Ok(Json(View { system, event }))
}
