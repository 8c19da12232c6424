//! What an operator has to see to before an event can be archived.
//!
//! What passes by itself (wins on their way to Kafka and to MySQL) refuses nobody: the leader waits
//! for it, and says so.

use crate::store::events::Event;
use crate::store::{Session, StoreError};

/// Why a closed event cannot be archived now; None: it can.
pub(super) async fn unsettled(
    session: &mut Session,
    event: &Event,
) -> Result<Option<String>, StoreError> {
    let id = &event.event_id;
    if event.carried_version != event.version {
        return Ok(Some("Redis and the edges do not have it closed yet: ask again".to_owned()));
    }
    let letters = session.count_dead_letters(id).await?;
    if letters > 0 {
        return Ok(Some(format!(
            "{letters} dead letters of it wait: bring them again or give them up (persister dlt \
             list --event {id})"
        )));
    }
    let changes = session.count_changes(id).await?;
    Ok((changes > 0).then(|| {
        format!("{changes} coupons of it were changed just now, and Redis follows: ask again")
    }))
}
