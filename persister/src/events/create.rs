//! A new event.

use std::ops::RangeInclusive;

use contract::event::{Confirm, Phase};
use contract::ids::EventId;
use serde_json::{Value, json};

use super::ask::{Ask, Mode};
use super::view::optional_time;
use crate::labels::{BadLabels, Label, Labels};
use crate::store::audit::{Action, Entry};
use crate::store::events::{Created, Event, NewEvent};
use crate::store::{LAST_MS, Session, StoreError};

/// How many units an event may have.
pub const STOCK: RangeInclusive<u64> = 1..=100_000_000;
/// How many units one user may be allowed.
pub const PER_USER_LIMIT: RangeInclusive<u64> = 1..=100;

/// An event as its operator describes it; not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its id.
    pub event_id: EventId,
    /// Units in all, within [`STOCK`].
    pub stock: u64,
    /// Units that one user may hold, within [`PER_USER_LIMIT`].
    pub per_user_limit: u32,
    /// Unix milliseconds; None: from the beginning.
    pub opens_at_ms: Option<u64>,
    /// Unix milliseconds; None: until somebody closes it.
    pub closes_at_ms: Option<u64>,
    /// When a win may be told.
    pub confirm: Confirm,
    /// Words of its operators.
    pub labels: Vec<Label>,
    /// Whether it is on sale at once, inside its window.
    pub begin: Begin,
}

/// How an event begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Known, and not on sale until somebody opens it.
    Scheduled,
    /// On sale.
    Open,
}

/// Why an event cannot be as described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// Not within [`STOCK`].
    #[error("the stock must be from {} to {}, not {found}", STOCK.start(), STOCK.end())]
    Stock {
        /// What was wished.
        found: u64,
    },
    /// Not within [`PER_USER_LIMIT`].
    #[error(
        "the limit per user must be from {} to {}, not {found}",
        PER_USER_LIMIT.start(),
        PER_USER_LIMIT.end()
    )]
    Limit {
        /// What was wished.
        found: u32,
    },
    /// The window ends before it begins.
    #[error("the event would close before it opens")]
    Window,
    /// Labels that cannot be so.
    #[error(transparent)]
    Labels(#[from] BadLabels),
    /// The window has ended.
    #[error("the event would close in the past")]
    Past,
    /// Later than MySQL can hold.
    #[error("its times must be before the year 10000")]
    TooLate,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new event.
    Created(Event),
    /// There would be: nothing was written.
    Would(Event),
    /// There is exactly this event, and nobody changed it since: the first answer was lost.
    Already(Event),
    /// The id was used before; ids are never used again, since claims, coupons and records of an
    /// older event would be taken for those of the new one.
    IdUsed(Event),
}

/// The new event that a wish describes.
pub fn check(wish: Wish, now_ms: u64) -> Result<NewEvent, BadWish> {
    if !STOCK.contains(&wish.stock) {
        return Err(BadWish::Stock { found: wish.stock });
    }
    if !PER_USER_LIMIT.contains(&wish.per_user_limit.into()) {
        return Err(BadWish::Limit { found: wish.per_user_limit });
    }
    let labels = Labels::default().with(&wish.labels)?;
    let opens_at_ms = wish.opens_at_ms.unwrap_or(0);
    let closes_at_ms = wish.closes_at_ms.unwrap_or(0);
    check_window(opens_at_ms, closes_at_ms, now_ms)?;
    Ok(NewEvent {
        event_id: wish.event_id,
        stock: wish.stock,
        per_user_limit: wish.per_user_limit,
        opens_at_ms,
        closes_at_ms,
        phase: match wish.begin {
            Begin::Scheduled => Phase::Scheduled,
            Begin::Open => Phase::Open,
        },
        confirm: wish.confirm,
        labels,
    })
}

/// A window in Unix milliseconds; 0 is an end that it does not have.
pub fn check_window(opens_at_ms: u64, closes_at_ms: u64, now_ms: u64) -> Result<(), BadWish> {
    if opens_at_ms.max(closes_at_ms) > LAST_MS {
        return Err(BadWish::TooLate);
    }
    if closes_at_ms > 0 && closes_at_ms <= opens_at_ms {
        return Err(BadWish::Window);
    }
    if closes_at_ms > 0 && closes_at_ms <= now_ms {
        return Err(BadWish::Past);
    }
    Ok(())
}

/// Adds an event.
pub async fn create(
    session: &mut Session,
    event: &NewEvent,
    ask: &Ask,
) -> Result<Outcome, StoreError> {
    if let Some(known) = session.event(&event.event_id).await? {
        return Ok(known_as(known, event));
    }
    if ask.mode == Mode::DryRun {
        return Ok(Outcome::Would(as_event(event)));
    }
    let entry = Entry {
        operator: &ask.operator,
        action: Action::Create,
        event: Some(&event.event_id),
        version: Some(1),
        subject: String::new(),
        was: json!({}),
        became: described(event),
    };
    let created = session.create_event(event, &entry).await?;
    let Some(now) = session.event(&event.event_id).await? else {
        let text = format!("event {} vanished", event.event_id);
        return Err(StoreError::Schema(text));
    };
    Ok(match created {
        Created::Added => Outcome::Created(now),
        Created::Exists => known_as(now, event),
    })
}

fn known_as(known: Event, event: &NewEvent) -> Outcome {
    let same = known.version == 1
        && (known.stock, known.per_user_limit) == (event.stock, event.per_user_limit)
        && (known.opens_at_ms, known.closes_at_ms) == (event.opens_at_ms, event.closes_at_ms)
        && (known.phase, known.confirm) == (event.phase, event.confirm)
        && known.labels == event.labels;
    if same { Outcome::Already(known) } else { Outcome::IdUsed(known) }
}

/// The event that there would be.
fn as_event(new: &NewEvent) -> Event {
    Event {
        event_id: new.event_id.clone(),
        stock: new.stock,
        per_user_limit: new.per_user_limit,
        opens_at_ms: new.opens_at_ms,
        closes_at_ms: new.closes_at_ms,
        phase: new.phase,
        confirm: new.confirm,
        labels: new.labels.clone(),
        epoch: 0,
        version: 1,
        carried_version: 0,
        waiting_for: String::new(),
        created_at_ms: 0,
        updated_at_ms: 0,
        arming: None,
        opened_before: false,
        highest_config_epoch: 0,
        changes_due: false,
        rearm_asked: 0,
    }
}

/// An event as the audit keeps it.
fn described(event: &NewEvent) -> Value {
    json!({
        "phase": event.phase.as_str(),
        "stock": event.stock,
        "per_user_limit": event.per_user_limit,
        "opens_at": optional_time(event.opens_at_ms),
        "closes_at": optional_time(event.closes_at_ms),
        "confirm": event.confirm.as_str(),
        "labels": event.labels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::view::view;

    fn wish() -> Wish {
        Wish {
            event_id: "spring".parse().unwrap(),
            stock: 500,
            per_user_limit: 1,
            opens_at_ms: None,
            closes_at_ms: None,
            confirm: Confirm::Replica,
            labels: Vec::new(),
            begin: Begin::Scheduled,
        }
    }

    #[test]
    fn a_wish_becomes_an_event() {
        let event = check(wish(), 1_000).unwrap();
        assert_eq!((event.opens_at_ms, event.closes_at_ms), (0, 0));
        assert_eq!(event.phase, Phase::Scheduled);
        let open = Wish { begin: Begin::Open, opens_at_ms: Some(5_000), ..wish() };
        let open = check(Wish { closes_at_ms: Some(6_000), ..open }, 1_000).unwrap();
        assert_eq!((open.opens_at_ms, open.closes_at_ms), (5_000, 6_000));
        assert_eq!(open.phase, Phase::Open);
    }

    #[test]
    fn a_bad_wish_is_refused() {
        let bad = |wish: Wish| check(wish, 1_000).unwrap_err();
        assert_eq!(bad(Wish { stock: 0, ..wish() }), BadWish::Stock { found: 0 });
        assert_eq!(
            bad(Wish { stock: 100_000_001, ..wish() }),
            BadWish::Stock { found: 100_000_001 }
        );
        assert_eq!(bad(Wish { per_user_limit: 0, ..wish() }), BadWish::Limit { found: 0 });
        assert_eq!(bad(Wish { per_user_limit: 101, ..wish() }), BadWish::Limit { found: 101 });
        let window = Wish { opens_at_ms: Some(9), closes_at_ms: Some(9), ..wish() };
        assert_eq!(bad(window), BadWish::Window);
        assert_eq!(bad(Wish { closes_at_ms: Some(1_000), ..wish() }), BadWish::Past);
    }

    #[test]
    fn no_time_is_later_than_mysql_can_hold() {
        let last = 253_402_300_799_999;
        let opens = |ms| check(Wish { opens_at_ms: Some(ms), ..wish() }, 1_000);
        let closes = |ms| check(Wish { closes_at_ms: Some(ms), ..wish() }, 1_000);
        assert!(opens(last).is_ok() && closes(last).is_ok());
        for later in [last + 1, u64::MAX] {
            assert!(opens(later).is_err() && closes(later).is_err(), "{later}");
        }
    }

    #[test]
    fn an_event_that_there_would_be_was_never_created() {
        let would = view(&as_event(&check(wish(), 1_000).unwrap()), String::new());
        let json = serde_json::to_value(would).unwrap();
        assert_eq!((&json["created_at"], &json["updated_at"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn refusals_say_what_is_allowed() {
        let text = BadWish::Stock { found: 0 }.to_string();
        assert_eq!(text, "the stock must be from 1 to 100000000, not 0");
    }
}
