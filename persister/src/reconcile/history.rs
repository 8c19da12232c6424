//! The runs that there were, as operators see them.

use contract::ids::EventId;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::events::view::time;
use crate::store::reconcile::{Figures, Run};
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
    /// What it came to.
    #[serde(flatten)]
    pub figures: Figures,
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
            figures: run.figures,
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
