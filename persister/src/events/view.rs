//! How an event is shown, to people and to machines.

use chrono::{DateTime, SecondsFormat};
use contract::event::Phase;
use contract::ids::EventId;
use serde::Serialize;

use super::wait::{is_led, reason, waits_for};
use crate::labels::Labels;
use crate::store::events::Event;
use crate::store::{Session, StoreError};

/// An event as `--json` prints it. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventView {
    /// Its id.
    pub event_id: String,
    /// How operators want it to stand.
    pub phase: &'static str,
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
    /// RFC 3339 in UTC; null: from the beginning.
    pub opens_at: Option<String>,
    /// RFC 3339 in UTC; null: until somebody closes it.
    pub closes_at: Option<String>,
    /// When a win may be told.
    pub confirm: &'static str,
    /// Words of its operators.
    pub labels: Labels,
    /// Of its last arming; 0: never armed.
    pub epoch: u64,
    /// Raised by each change of an operator.
    pub version: u64,
    /// The version that shard and directory carry.
    pub carried_version: u64,
    /// What it waits for; empty: shard and directory carry what is wanted.
    pub waiting_for: String,
    /// RFC 3339 in UTC; null: it is only described by a dry run.
    pub created_at: Option<String>,
    /// The same, of the last change by an operator.
    pub updated_at: Option<String>,
}

/// An event with its figures, as `event show` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Details {
    /// The event.
    #[serde(flatten)]
    pub event: EventView,
    /// Rows in MySQL that are not returned.
    pub rows: u64,
    /// Their units.
    pub units: u64,
    /// The highest number that has a row.
    pub highest_sequence: u64,
    /// Dead letters that nobody has resolved.
    pub dead_letters: u64,
}

/// An event as it is shown, with what it waits for.
pub fn view(event: &Event, waiting_for: String) -> EventView {
    EventView {
        event_id: event.event_id.to_string(),
        phase: event.phase.as_str(),
        stock: event.stock,
        per_user_limit: event.per_user_limit,
        opens_at: optional_time(event.opens_at_ms),
        closes_at: optional_time(event.closes_at_ms),
        confirm: event.confirm.as_str(),
        labels: event.labels.clone(),
        epoch: event.epoch,
        version: event.version,
        carried_version: event.carried_version,
        waiting_for,
        created_at: optional_time(event.created_at_ms),
        updated_at: optional_time(event.updated_at_ms),
    }
}

/// One event with its figures; None: there is no such event.
pub async fn show(session: &mut Session, event: &EventId) -> Result<Option<Details>, StoreError> {
    let Some(row) = session.event(event).await? else {
        return Ok(None);
    };
    let waiting_for = waits_for(session, &row).await?;
    let count = session.count_coupons(event).await?;
    Ok(Some(Details {
        event: view(&row, waiting_for),
        rows: count.rows,
        units: count.units,
        highest_sequence: count.sequence,
        dead_letters: session.count_dead_letters(event).await?,
    }))
}

/// The most events of a page.
pub const MAX_EVENTS: u32 = 1_000;
/// Events of a page where nothing is said.
pub const EVENTS: u32 = 100;

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Those that were created after this one; None: from the first.
    pub after: Option<EventId>,
    /// Those that operators want to stand so.
    pub phase: Option<Phase>,
    /// How many at most.
    pub limit: u32,
}

/// A page of events, the oldest first; None: there is no event to begin behind.
pub async fn list(
    session: &mut Session,
    page: &Page,
) -> Result<Option<Vec<EventView>>, StoreError> {
    let after = match &page.after {
        Some(id) => match session.event(id).await? {
            Some(event) => Some(event),
            None => return Ok(None),
        },
        None => None,
    };
    let events = session.events_after(after.as_ref(), page.phase, page.limit).await?;
    let led = is_led(session).await?;
    Ok(Some(events.iter().map(|event| view(event, reason(event, led))).collect()))
}

/// A time that may not be there, where 0 says so.
pub fn optional_time(ms: u64) -> Option<String> {
    Some(ms).filter(|&ms| ms > 0).map(time)
}

/// A time as it is shown: RFC 3339 in UTC.
pub fn time(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_rfc_3339_with_milliseconds() {
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
