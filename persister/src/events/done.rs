//! What a change came to, as the command line and the API tell it.

use std::time::Duration;

use serde::Serialize;

use super::effects::effects;
use super::view::{EventView, view};
use super::wait::{Waited, carried, waits_for};
use crate::store::events::Event;
use crate::store::{Session, StoreError};

/// The outcome of a dry run.
pub const WOULD: &str = "would_change";

/// What a change came to. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// created, changed, already, or would_change of a dry run.
    pub outcome: &'static str,
    /// Whether shard and directory carry it.
    pub carried: bool,
    /// What would happen, in sentences; of a dry run only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<String>,
    /// The event as it stands, or would.
    #[serde(flatten)]
    pub event: EventView,
}

/// Waits for so long until a change is carried; None: there is no such event any more.
pub async fn done(
    session: &mut Session,
    outcome: &'static str,
    event: Event,
    patience: Duration,
) -> Result<Option<Done>, StoreError> {
    let (event, waiting_for) = if patience.is_zero() {
        let why = waits_for(session, &event).await?;
        (event, why)
    } else {
        match carried(session, &event.event_id, event.version, patience).await? {
            Waited::Carried(now) => (now, String::new()),
            Waited::NotYet(now, why) => (now, why),
            Waited::Gone => return Ok(None),
        }
    };
    let carried = event.carried_version >= event.version;
    let event = view(&event, waiting_for);
    Ok(Some(Done { outcome, carried, effects: Vec::new(), event }))
}

/// What a dry run came to. `before` None: the event would be new.
pub fn would(before: Option<&Event>, after: &Event) -> Done {
    Done {
        outcome: WOULD,
        carried: false,
        effects: effects(before, after),
        event: view(after, String::new()),
    }
}
