//! Open, pause, resume, close, and how many units there are.

use contract::event::Phase;
use contract::ids::EventId;

use crate::store::events::{Changed, Event};
use crate::store::{Session, StoreError};

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Put a scheduled event on sale.
    Open,
    /// Stop an event for a while.
    Pause,
    /// Let a paused event go on.
    Resume,
    /// End an event for good.
    Close,
    /// Have so many units in all.
    Stock(u64),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The event is to stand so.
    Changed(Event),
    /// It was to stand so already.
    Already(Event),
    /// It cannot come from where it stands.
    Refused(Event, &'static str),
    /// Winners hold more units than were asked for: this many.
    Held(Event, u64),
    /// Somebody else changed it in between: look at what they did, then decide again.
    Overtaken(Event),
    /// There is no such event.
    Unknown,
}

/// Where a verb leads from a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    To(Phase),
    ToStock(u64),
    Already,
    No(&'static str),
}

fn way(from: Phase, verb: Verb) -> Way {
    match (from, verb) {
        (Phase::Archived, _) => Way::No("it is archived: nothing about it changes any more"),
        (Phase::Closed, Verb::Close)
        | (Phase::Open, Verb::Open | Verb::Resume)
        | (Phase::Paused, Verb::Pause) => Way::Already,
        (Phase::Scheduled | Phase::Open | Phase::Paused, Verb::Stock(units)) => Way::ToStock(units),
        (Phase::Closed, _) => Way::No("it is closed, and clients were told so: closing is final"),
        (Phase::Paused, Verb::Open) => Way::No("it is paused: use resume"),
        (Phase::Scheduled, Verb::Pause | Verb::Resume) => Way::No("it was not opened yet"),
        (Phase::Scheduled, Verb::Open) | (Phase::Paused, Verb::Resume) => Way::To(Phase::Open),
        (Phase::Open, Verb::Pause) => Way::To(Phase::Paused),
        (Phase::Scheduled | Phase::Open | Phase::Paused, Verb::Close) => Way::To(Phase::Closed),
        (Phase::Fencing | Phase::Arming | Phase::Reopening, _) => {
            Way::No("its row holds a phase that operators cannot want")
        }
    }
}

/// Changes what is wanted of an event.
pub async fn change(
    session: &mut Session,
    event: &EventId,
    verb: Verb,
) -> Result<Outcome, StoreError> {
    let Some(before) = session.event(event).await? else {
        return Ok(Outcome::Unknown);
    };
    let changed = match way(before.phase, verb) {
        Way::To(phase) => session.change_phase(event, before.version, phase).await?,
        Way::ToStock(units) if units == before.stock => return Ok(Outcome::Already(before)),
        Way::ToStock(units) => {
            // The shard may hold more than the rows by now: it has the last word, and the leader
            // says so.
            let held = session.ledger(event).await?.held;
            if units < held {
                return Ok(Outcome::Held(before, held));
            }
            session.change_stock(event, before.version, units).await?
        }
        Way::Already => return Ok(Outcome::Already(before)),
        Way::No(why) => return Ok(Outcome::Refused(before, why)),
    };
    let Some(now) = session.event(event).await? else {
        return Ok(Outcome::Unknown);
    };
    Ok(match changed {
        Changed::Done => Outcome::Changed(now),
        Changed::Moved => Outcome::Overtaken(now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verb_leads_where_it_may() {
        let cases = [
            (Phase::Scheduled, Verb::Open, Way::To(Phase::Open)),
            (Phase::Open, Verb::Open, Way::Already),
            (Phase::Open, Verb::Pause, Way::To(Phase::Paused)),
            (Phase::Paused, Verb::Pause, Way::Already),
            (Phase::Paused, Verb::Resume, Way::To(Phase::Open)),
            (Phase::Open, Verb::Resume, Way::Already),
            (Phase::Scheduled, Verb::Close, Way::To(Phase::Closed)),
            (Phase::Open, Verb::Close, Way::To(Phase::Closed)),
            (Phase::Paused, Verb::Close, Way::To(Phase::Closed)),
            (Phase::Closed, Verb::Close, Way::Already),
            (Phase::Scheduled, Verb::Stock(7), Way::ToStock(7)),
            (Phase::Open, Verb::Stock(7), Way::ToStock(7)),
            (Phase::Paused, Verb::Stock(7), Way::ToStock(7)),
        ];
        for (from, verb, to) in cases {
            assert_eq!(way(from, verb), to, "{from:?} {verb:?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let refused = [
            (Phase::Paused, Verb::Open),
            (Phase::Scheduled, Verb::Pause),
            (Phase::Scheduled, Verb::Resume),
            (Phase::Closed, Verb::Open),
            (Phase::Closed, Verb::Pause),
            (Phase::Closed, Verb::Resume),
            (Phase::Closed, Verb::Stock(7)),
            (Phase::Archived, Verb::Open),
            (Phase::Archived, Verb::Close),
            (Phase::Fencing, Verb::Open),
        ];
        for (from, verb) in refused {
            assert!(matches!(way(from, verb), Way::No(_)), "{from:?} {verb:?}");
        }
    }
}
