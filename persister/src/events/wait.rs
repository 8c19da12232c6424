//! Waiting until the leader has carried a change.

use std::time::Duration;

use contract::ids::{CouponId, EventId};
use tokio::time::{Instant, sleep};

use crate::store::events::Event;
use crate::store::{Session, StoreError};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What became of a change that was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// Shard and directory carry it, or a later one.
    Carried(Event),
    /// Not yet; says what it waits for.
    NotYet(Event, String),
    /// There is no such event any more.
    Gone,
}

/// Waits until shard and directory carry a version, for so long at most.
pub async fn carried(
    session: &mut Session,
    event: &EventId,
    version: u64,
    patience: Duration,
) -> Result<Waited, StoreError> {
    let deadline = Instant::now() + patience;
    loop {
        let Some(now) = session.event(event).await? else {
            return Ok(Waited::Gone);
        };
        if now.carried_version >= version {
            return Ok(Waited::Carried(now));
        }
        if Instant::now() >= deadline {
            let why = waits_for(session, &now).await?;
            return Ok(Waited::NotYet(now, why));
        }
        sleep(LOOK).await;
    }
}

/// Waits until the shard has a coupon's change, for so long at most; whether it has.
pub async fn change_is_carried(
    session: &mut Session,
    event: &EventId,
    coupon: &CouponId,
    patience: Duration,
) -> Result<bool, StoreError> {
    let deadline = Instant::now() + patience;
    while session.change_is_pending(event, coupon).await? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(LOOK).await;
    }
    Ok(true)
}

/// What an event waits for, in words; empty: nothing.
pub async fn waits_for(session: &mut Session, event: &Event) -> Result<String, StoreError> {
    Ok(reason(event, is_led(session).await?))
}

/// Whether a persister leads.
pub(super) async fn is_led(session: &mut Session) -> Result<bool, StoreError> {
    Ok(session.leases().await?.iter().any(|lease| lease.live && !lease.owner.is_empty()))
}

/// What an event waits for, where a persister leads or none does.
pub(super) fn reason(event: &Event, led: bool) -> String {
    if event.carried_version == event.version && event.waiting_for.is_empty() {
        String::new()
    } else if !led {
        "no persister leads: start `persister run`".to_owned()
    } else if event.waiting_for.is_empty() {
        "the leader has not taken it up yet".to_owned()
    } else {
        event.waiting_for.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::event::{Confirm, Phase};

    fn event(carried_version: u64, waiting_for: &str) -> Event {
        Event {
            event_id: "spring".parse().unwrap(),
            stock: 1,
            per_user_limit: 1,
            opens_at_ms: 0,
            closes_at_ms: 0,
            phase: Phase::Open,
            confirm: Confirm::Replica,
            labels: Default::default(),
            epoch: 1,
            version: 2,
            carried_version,
            waiting_for: waiting_for.to_owned(),
            created_at_ms: 1,
            updated_at_ms: 1,
            arming: None,
            opened_before: false,
            highest_config_epoch: 0,
            changes_due: false,
            rearm_asked: 0,
        }
    }

    #[test]
    fn an_event_says_what_it_waits_for() {
        assert_eq!(reason(&event(2, ""), true), "");
        assert_eq!(reason(&event(2, ""), false), "");
        assert_eq!(reason(&event(1, "waits for Redis"), true), "waits for Redis");
        assert_eq!(reason(&event(2, "fenced"), true), "fenced");
        assert!(reason(&event(1, "waits for Redis"), false).contains("persister run"));
        assert!(reason(&event(1, ""), true).contains("not taken it up"));
    }
}
