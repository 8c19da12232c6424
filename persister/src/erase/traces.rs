//! Where a user is named: in which events they have rows, and which letters say their name.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use contract::ids::{EventId, UserId};

use crate::store::traces::{PAGE_EVENTS, Standing};
use crate::store::{Session, StoreError};

/// Where a user is named.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Events with rows or letters of theirs.
    events: BTreeMap<EventId, Standing>,
    /// What all letters say they are of that is no event.
    never_made: Vec<EventId>,
    /// Events of all letters.
    lettered: Vec<EventId>,
    /// Letters of theirs that wait, of no event or of one that was never made.
    pub(super) letters_wait: u64,
}

impl Traces {
    /// Events where a pseudonym can take their place.
    pub(super) fn put_away(&self) -> impl Iterator<Item = &EventId> {
        self.standing(Standing::PutAway)
    }

    /// Events where it cannot yet.
    pub(super) fn live(&self) -> impl Iterator<Item = &EventId> {
        self.standing(Standing::Live)
    }

    fn standing(&self, wanted: Standing) -> impl Iterator<Item = &EventId> {
        let found = self.events.iter().filter(move |&(_, &standing)| standing == wanted);
        found.map(|(event, _)| event)
    }

    /// Whose letters are of nothing that exists; None: of no event.
    pub(super) fn lost(&self) -> impl Iterator<Item = Option<&EventId>> {
        std::iter::once(None).chain(self.never_made.iter().map(Some))
    }

    /// Whose letters may name them in a sentence; None: of no event.
    pub(super) fn letters(&self) -> impl Iterator<Item = Option<&EventId>> {
        self.lost().chain(self.lettered.iter().map(Some))
    }

    /// Whether all of it can be replaced.
    pub(super) fn nothing_waits(&self) -> bool {
        self.letters_wait == 0 && self.live().next().is_none()
    }
}

/// In rows of events that were made before a time.
pub(super) async fn in_rows(
    session: &mut Session,
    user: &UserId,
    before: NaiveDateTime,
) -> Result<Traces, StoreError> {
    let mut traces = Traces::default();
    let mut after = String::new();
    loop {
        let page = session.events_with_rows(user, before, &after).await?;
        let is_last = page.len() < PAGE_EVENTS;
        if let Some((last, _)) = page.last() {
            after = last.to_string();
        }
        traces.events.extend(page);
        if is_last {
            return Ok(traces);
        }
    }
}

/// In letters as well.
pub(super) async fn everywhere(
    session: &mut Session,
    user: &UserId,
    before: NaiveDateTime,
) -> Result<Traces, StoreError> {
    let mut traces = in_rows(session, user, before).await?;
    traces.letters_wait = session.open_letters_of_user(None, user).await?;
    let mut after = String::new();
    loop {
        let page = session.events_with_letters(before, &after).await?;
        let is_last = page.len() < PAGE_EVENTS;
        if let Some(last) = page.last() {
            after = last.event.to_string();
        }
        for letters in page {
            match letters.standing {
                None => {
                    let event = Some(&letters.event);
                    traces.letters_wait += session.open_letters_of_user(event, user).await?;
                    traces.never_made.push(letters.event);
                }
                Some(standing) => {
                    if !letters.later && session.letters_of_user(&letters.event, user).await? > 0 {
                        traces.events.insert(letters.event.clone(), standing);
                    }
                    traces.lettered.push(letters.event);
                }
            }
        }
        if is_last {
            return Ok(traces);
        }
    }
}
