//! Runs of reconcile over HTTP.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use super::Backends;
use super::ask::{Asked, Named, Newest};
use super::problem::{Code, Problem};
use crate::reconcile::{self, KindView, RunView, history, one_run};

/// Runs where nothing is said.
const RUNS: u32 = 20;
/// The most of them.
const MOST: u32 = 1_000;

/// `GET /admin/v1/reconciliations?limit=`: the last runs, newest first.
pub(super) async fn runs(
    State(backends): State<Backends>,
    Asked(newest): Asked<Newest>,
) -> Result<Json<Vec<RunView>>, Problem> {
    let limit = newest.limit(RUNS, MOST)?;
    Ok(Json(history(&mut backends.store.connect().await?, limit).await?))
}

/// `GET /admin/v1/reconciliations/{run}`: one of them, with its report.
pub(super) async fn run(
    State(backends): State<Backends>,
    Named(run): Named<Uuid>,
) -> Result<Json<RunView>, Problem> {
    let view = one_run(&mut backends.store.connect().await?, run).await?;
    let none = || Problem::new(Code::UnknownRun, "there is no such run, or no more");
    view.map(Json).ok_or_else(none)
}

/// `GET /admin/v1/reconciliations/kinds`: the kinds of difference, and what is done about each.
pub(super) async fn kinds() -> Json<Vec<KindView>> {
    Json(reconcile::kinds())
}
