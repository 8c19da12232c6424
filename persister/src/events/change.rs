//! Open, pause, resume, close, archive; how many units there are, when they are on sale, what an
//! event is labelled with.

use contract::event::Phase;
use contract::ids::EventId;

use chrono::Utc;

use super::ask::{Ask, Mode, TOLD_LINES, after, asks_again, difference};
use super::create::check_window;
use super::settled::unsettled;
use crate::labels::Label;
use crate::store::audit::{Action, Entry, Line};
use crate::store::events::{Changed, Event, Wanted};
use crate::store::{Session, StoreError};

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Put a scheduled event on sale.
    Open,
    /// Stop an event for a while.
    Pause,
    /// Let a paused event go on.
    Resume,
    /// End an event for good.
    Close,
    /// Put a closed event away: of it only its rows stay.
    Archive,
    /// Have so many units in all.
    Stock(u64),
    /// Be on sale at other times.
    Reschedule(Window),
    /// Have these labels, beside those that are not named.
    Label(Vec<Label>),
}

/// When an event is on sale: of each end, None leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// Unix milliseconds; 0: from the beginning.
    pub opens_at_ms: Option<u64>,
    /// Unix milliseconds; 0: until somebody closes it.
    pub closes_at_ms: Option<u64>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The event was to stand as the first, and is to stand as the second.
    Changed(Event, Event),
    /// It would: nothing was changed.
    Would(Event, Event),
    /// It was to stand so already.
    Already(Event),
    /// It cannot come from where it stands.
    Refused(Event, String),
    /// Winners hold more units than were asked for: this many.
    Held(Event, u64),
    /// Somebody else changed it since the operator looked: this is what they did. Look at it, then
    /// decide again.
    Overtaken(Event, Vec<Line>),
    /// There is no such event.
    Unknown,
}

/// What a verb makes of what is wanted; the same where it stands so already. An error says why it
/// cannot come from there.
fn becomes(was: &Wanted, verb: &Verb, now_ms: u64) -> Result<Wanted, String> {
    let mut to = was.clone();
    match verb {
        Verb::Stock(units) => to.stock = *units,
        Verb::Label(labels) => {
            to.labels = was.labels.with(labels).map_err(|bad| bad.to_string())?;
        }
        Verb::Reschedule(window) => {
            to.opens_at_ms = window.opens_at_ms.unwrap_or(was.opens_at_ms);
            to.closes_at_ms = window.closes_at_ms.unwrap_or(was.closes_at_ms);
        }
        Verb::Open | Verb::Pause | Verb::Resume | Verb::Close | Verb::Archive => {}
    }
    to.phase = phase(was.phase, verb)?;
    if matches!(verb, Verb::Reschedule(_)) && to != *was {
        if was.closes_at_ms > 0 && was.closes_at_ms <= now_ms {
            return Err("its window has ended, and clients were told so: that is final".to_owned());
        }
        check_window(to.opens_at_ms, to.closes_at_ms, now_ms).map_err(|bad| bad.to_string())?;
    }
    Ok(to)
}

/// Where a verb leads from a phase.
fn phase(from: Phase, verb: &Verb) -> Result<Phase, &'static str> {
    Ok(match (from, verb) {
        (Phase::Closed | Phase::Archived, Verb::Archive) => Phase::Archived,
        (_, Verb::Archive) => return Err("it is not closed: close it first, which is final"),
        (Phase::Archived, _) => return Err("it is archived: nothing about it changes any more"),
        (Phase::Closed, Verb::Close | Verb::Label(_)) => Phase::Closed,
        (Phase::Closed, _) => {
            return Err("it is closed, and clients were told so: closing is final");
        }
        (Phase::Fencing | Phase::Arming | Phase::Reopening, _) => {
            return Err("its row holds a phase that operators cannot want");
        }
        (Phase::Paused, Verb::Open) => return Err("it is paused: use resume"),
        (Phase::Scheduled, Verb::Pause | Verb::Resume) => return Err("it was not opened yet"),
        (Phase::Scheduled | Phase::Open, Verb::Open) | (_, Verb::Resume) => Phase::Open,
        (_, Verb::Pause) => Phase::Paused,
        (_, Verb::Close) => Phase::Closed,
        (phase, Verb::Stock(_) | Verb::Reschedule(_) | Verb::Label(_)) => phase,
    })
}

impl Verb {
    /// As the audit names it.
    pub fn action(&self) -> Action {
        match self {
            Self::Open => Action::Open,
            Self::Pause => Action::Pause,
            Self::Resume => Action::Resume,
            Self::Close => Action::Close,
            Self::Archive => Action::Archive,
            Self::Stock(_) => Action::Stock,
            Self::Reschedule(_) => Action::Reschedule,
            Self::Label(_) => Action::Label,
        }
    }
}

/// Changes what is wanted of an event.
pub async fn change(
    session: &mut Session,
    event: &EventId,
    verb: &Verb,
    ask: &Ask,
) -> Result<Outcome, StoreError> {
    let Some(before) = session.event(event).await? else {
        return Ok(Outcome::Unknown);
    };
    let seen = ask.if_version.unwrap_or(before.version);
    if seen != before.version {
        return overtaken(session, before, verb, ask, seen).await;
    }
    let was = before.wanted();
    let wanted = match becomes(&was, verb, now_ms()) {
        Ok(same) if same == was => return Ok(Outcome::Already(before)),
        Ok(wanted) => wanted,
        Err(why) => return Ok(Outcome::Refused(before, why)),
    };
    if wanted.phase == Phase::Archived
        && let Some(why) = unsettled(session, &before).await?
    {
        return Ok(Outcome::Refused(before, why));
    }
    if wanted.stock < was.stock {
        // The shard may hold more than the rows by now: it has the last word, and the leader says
        // so.
        let held = session.ledger(event).await?.held;
        if wanted.stock < held {
            return Ok(Outcome::Held(before, held));
        }
    }
    let now = after(&before, &wanted);
    if ask.mode == Mode::DryRun {
        return Ok(Outcome::Would(before, now));
    }
    let (from, to) = difference(&was, &wanted);
    let entry = Entry {
        operator: &ask.operator,
        action: verb.action(),
        event: Some(event),
        version: Some(now.version),
        subject: String::new(),
        was: from,
        became: to,
    };
    let changed = session.change_event(event, seen, &wanted, &entry).await?;
    let Some(now) = session.event(event).await? else {
        return Ok(Outcome::Unknown);
    };
    match changed {
        Changed::Done => Ok(Outcome::Changed(before, now)),
        Changed::Moved => overtaken(session, now, verb, ask, seen).await,
    }
}

/// The time of this machine: what a shard makes of a window goes by the shard's clock.
fn now_ms() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0)
}

/// What others did since the operator looked. An operator who asks again because the answer was
/// lost is no second one.
async fn overtaken(
    session: &mut Session,
    now: Event,
    verb: &Verb,
    ask: &Ask,
    seen: u64,
) -> Result<Outcome, StoreError> {
    let since = session.audit_since(&now.event_id, seen, TOLD_LINES).await?;
    let stands = becomes(&now.wanted(), verb, now_ms()) == Ok(now.wanted());
    Ok(if stands && asks_again(ask, verb.action(), &since) {
        Outcome::Already(now)
    } else {
        Outcome::Overtaken(now, since)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Wanted {
        Wanted {
            phase: Phase::Open,
            stock: 5,
            opens_at_ms: 0,
            closes_at_ms: 0,
            labels: Default::default(),
        }
    }

    fn leads(from: Phase, verb: Verb) -> Result<(Phase, u64), String> {
        becomes(&Wanted { phase: from, ..open() }, &verb, 1_000).map(|to| (to.phase, to.stock))
    }

    #[test]
    fn a_window_moves_until_it_has_ended() {
        let moves = |was: &Wanted, opens_at_ms, closes_at_ms| {
            let verb = Verb::Reschedule(Window { opens_at_ms, closes_at_ms });
            becomes(was, &verb, 1_000).map(|to| (to.opens_at_ms, to.closes_at_ms)).ok()
        };
        let was = Wanted { opens_at_ms: 500, closes_at_ms: 2_000, ..open() };
        assert_eq!(moves(&was, None, Some(3_000)), Some((500, 3_000)));
        assert_eq!(moves(&was, Some(1_500), None), Some((1_500, 2_000)));
        assert_eq!(moves(&was, Some(0), Some(0)), Some((0, 0)));
        assert_eq!(moves(&was, Some(2_000), None), None);
        assert_eq!(moves(&was, None, Some(900)), None);
        let ended = Wanted { closes_at_ms: 900, ..was };
        assert_eq!(moves(&ended, None, Some(3_000)), None);
        assert_eq!(moves(&ended, None, None), Some((500, 900)), "as it stands");
        let closed = Wanted { phase: Phase::Closed, ..open() };
        assert_eq!(moves(&closed, None, Some(3_000)), None);
    }

    #[test]
    fn each_verb_leads_where_it_may() {
        use Phase::{Closed, Open, Paused, Scheduled};
        let cases = [
            (Scheduled, Verb::Open, Open),
            (Open, Verb::Open, Open),
            (Open, Verb::Pause, Paused),
            (Paused, Verb::Pause, Paused),
            (Paused, Verb::Resume, Open),
            (Open, Verb::Resume, Open),
            (Scheduled, Verb::Close, Closed),
            (Open, Verb::Close, Closed),
            (Paused, Verb::Close, Closed),
            (Closed, Verb::Close, Closed),
            (Closed, Verb::Archive, Phase::Archived),
            (Phase::Archived, Verb::Archive, Phase::Archived),
        ];
        for (from, verb, to) in cases {
            let said = format!("{from:?} {verb:?}");
            assert_eq!(leads(from, verb), Ok((to, 5)), "{said}");
        }
        for phase in [Scheduled, Open, Paused] {
            assert_eq!(leads(phase, Verb::Stock(7)), Ok((phase, 7)));
        }
    }

    #[test]
    fn what_was_told_to_clients_is_not_taken_back() {
        let refused = [
            (Phase::Scheduled, Verb::Pause),
            (Phase::Scheduled, Verb::Resume),
            (Phase::Paused, Verb::Open),
            (Phase::Closed, Verb::Open),
            (Phase::Closed, Verb::Pause),
            (Phase::Closed, Verb::Resume),
            (Phase::Closed, Verb::Stock(7)),
            (Phase::Archived, Verb::Open),
            (Phase::Archived, Verb::Close),
            (Phase::Archived, Verb::Label(Vec::new())),
            (Phase::Scheduled, Verb::Archive),
            (Phase::Open, Verb::Archive),
            (Phase::Paused, Verb::Archive),
            (Phase::Fencing, Verb::Open),
        ];
        for (from, verb) in refused {
            let said = format!("{from:?} {verb:?}");
            assert!(leads(from, verb).is_err(), "{said}");
        }
    }
}
