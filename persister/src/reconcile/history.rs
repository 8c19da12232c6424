//! The runs that there were, as operators see them.

use contract::ids::EventId;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::events::view::time;
use crate::store::reconcile::Run;
use crate::store::{Session, StoreError};

/// A run as `--json` and the API show it. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// Names it.
    pub run_id: Uuid,
    /// command, schedule.
    pub started_by: String,
    /// report, repair.
    pub mode: String,
    /// Of one event; null: of all that were armed and are not archived.
    pub event_id: Option<String>,
    /// RFC 3339 in UTC.
    pub started_at: String,
    /// RFC 3339 in UTC; null: it runs, or it was cut short.
    pub ended_at: Option<String>,
    /// How long it took, in milliseconds; null: it runs, or it was cut short.
    pub took_ms: Option<u64>,
    /// Events that it looked at.
    pub events: u64,
    /// Those of them that it could not judge.
    pub not_judged: u64,
    /// Wins that were compared.
    pub wins: u64,
    /// Rows that were compared.
    pub rows: u64,
    /// Wins without a row that were on their way.
    pub in_flight: u64,
    /// Wins without a row whose dead letter waited.
    pub dead_lettered: u64,
    /// Wins without a row that an operator had given up.
    pub given_up: u64,
    /// What it found that nothing explains.
    pub differences: u64,
    /// Wins that it published again.
    pub published: u64,
    /// Events that it asked to be armed again.
    pub rearms_asked: u64,
    /// Events with anything to say; only where one run is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reports: Option<Value>,
}

impl RunView {
    fn of(run: Run) -> Self {
        let ended = Some(run.ended_ms).filter(|&ms| ms > 0);
        Self {
            run_id: run.run,
            started_by: run.started_by,
            mode: run.mode,
            event_id: run.event.as_ref().map(EventId::to_string),
            started_at: time(run.started_ms),
            ended_at: ended.map(time),
            took_ms: ended.map(|ended| ended.saturating_sub(run.started_ms)),
            events: run.events,
            not_judged: run.not_judged,
            wins: run.wins,
            rows: run.rows,
            in_flight: run.in_flight,
            dead_lettered: run.dead_lettered,
            given_up: run.given_up,
            differences: run.differences,
            published: run.published,
            rearms_asked: run.rearms_asked,
            reports: run.report.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

/// The last runs, newest first.
pub async fn history(session: &mut Session, count: u32) -> Result<Vec<RunView>, StoreError> {
    Ok(session.reconciliations(count).await?.into_iter().map(RunView::of).collect())
}

/// One run with its report; None: there is none, or no more.
pub async fn one_run(session: &mut Session, run: Uuid) -> Result<Option<RunView>, StoreError> {
    Ok(session.reconciliation(run).await?.map(RunView::of))
}
