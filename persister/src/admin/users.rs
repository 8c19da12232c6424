//! Users over HTTP.

use axum::Json;
use axum::extract::State;
use contract::ids::UserId;
use serde::Deserialize;

use super::Backends;
use super::ask::{Asked as Query, Asking, Body, Newest, malformed};
use super::problem::Problem;
use crate::erase::{Asked, ErasureView, ask, check_reason, list};

/// Erasures where nothing is said.
const ERASURES: u32 = 100;
/// The most of them.
const MOST: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Erase {
    user_id: UserId,
}

/// `POST /admin/v1/users/erase`; `why` must be said.
pub(super) async fn erase(
    State(backends): State<Backends>,
    asking: Asking,
    Body { what, how }: Body<Erase>,
) -> Result<Json<Asked>, Problem> {
    let how = how.ask_once(&asking)?;
    check_reason(&what.user_id, &how.operator.why)
        .map_err(|refused| malformed(format!("why: {refused}")))?;
    let session = &mut backends.store.connect().await?;
    Ok(Json(ask(session, &what.user_id, &how.operator, how.mode).await?))
}

/// `GET /admin/v1/users/erasures?limit=`: newest first, without whom they are about.
pub(super) async fn erasures(
    State(backends): State<Backends>,
    Query(newest): Query<Newest>,
) -> Result<Json<Vec<ErasureView>>, Problem> {
    let limit = newest.limit(ERASURES, MOST)?;
    Ok(Json(list(&mut backends.store.connect().await?, limit).await?))
}
