//! What operators want of events, and what the leader notes beside it.

use contract::event::{Confirm, Phase};
use contract::ids::EventId;
use mysql_async::{Row, Value};

use super::audit::Entry;
use super::columns::Columns;
use super::coupons::{MAX_ROWS, padded};
use super::epochs::{Arming, EpochStep};
use super::error::StoreError;
use super::session::Session;
use super::sql;
use super::times::{to_column, to_nullable_column};
use crate::labels::Labels;

/// The longest text that `waiting_for` holds, in bytes.
const MAX_WAITING_BYTES: usize = 255;

/// A new event, as its operator wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id.
    pub event_id: EventId,
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
    /// Unix milliseconds; 0: always open.
    pub opens_at_ms: u64,
    /// Unix milliseconds; 0: never closes by itself.
    pub closes_at_ms: u64,
    /// Scheduled, or open at once.
    pub phase: Phase,
    /// When a win may be told.
    pub confirm: Confirm,
    /// Words of its operators.
    pub labels: Labels,
}

/// An event: what is wanted of it and how far that was carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub event_id: EventId,
    /// Units in all.
    pub stock: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
    /// Unix milliseconds; 0: always open.
    pub opens_at_ms: u64,
    /// Unix milliseconds; 0: never closes by itself.
    pub closes_at_ms: u64,
    /// How operators want it to stand.
    pub phase: Phase,
    /// When a win may be told.
    pub confirm: Confirm,
    /// Words of its operators.
    pub labels: Labels,
    /// Of its last arming; 0: never armed.
    pub epoch: u64,
    /// Raised by each change of an operator.
    pub version: u64,
    /// The version that shard and directory carry.
    pub carried_version: u64,
    /// What the leader waits for; empty: nothing.
    pub waiting_for: String,
    /// Unix milliseconds.
    pub created_at_ms: u64,
    /// Unix milliseconds of the last change by an operator.
    pub updated_at_ms: u64,
    /// The arming of `epoch`; None: never armed.
    pub arming: Option<Arming>,
    /// Whether any arming got so far that claims may have been granted.
    pub opened_before: bool,
    /// The highest config epoch of a master that was ever armed for it.
    pub highest_config_epoch: u64,
    /// Whether coupons were returned or revoked a second ago that Redis still has otherwise.
    pub changes_due: bool,
    /// The epoch that is to be armed again because its shard lacks something or counts it wrongly;
    /// it matters while it is [`Event::epoch`]. 0: none was ever asked for.
    pub rearm_asked: u64,
}

/// What operators may want otherwise of an event that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How it is to stand.
    pub phase: Phase,
    /// Units in all.
    pub stock: u64,
    /// Unix milliseconds; 0: always open.
    pub opens_at_ms: u64,
    /// Unix milliseconds; 0: never closes by itself.
    pub closes_at_ms: u64,
    /// Words of its operators.
    pub labels: Labels,
}

/// Whether a new event was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// Yes.
    Added,
    /// An event, perhaps archived, has this id already; ids are never used again.
    Exists,
}

/// Whether a change by compare took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Yes.
    Done,
    /// No: the row was changed by somebody else in between.
    Moved,
}

/// Whether the leader was asked to arm an event again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Yes, now or before.
    Asked,
    /// No: the event has another epoch by now.
    Moved,
}

impl Event {
    /// How shard and directory are to have it: one that is to be archived is closed until all of it
    /// is in MySQL.
    pub fn carried_phase(&self) -> Phase {
        match self.phase {
            Phase::Archived => Phase::Closed,
            phase => phase,
        }
    }

    /// Whether all of it is in MySQL and nowhere else, or is about to be.
    pub fn is_archived(&self) -> bool {
        self.arming.as_ref().is_some_and(|arming| arming.step == EpochStep::Archived)
    }

    /// What is wanted of it now.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            phase: self.phase,
            stock: self.stock,
            opens_at_ms: self.opens_at_ms,
            closes_at_ms: self.closes_at_ms,
            labels: self.labels.clone(),
        }
    }
}

impl Session {
    /// Adds an event, version 1, and notes who did.
    pub async fn create_event(
        &mut self,
        event: &NewEvent,
        entry: &Entry<'_>,
    ) -> Result<Created, StoreError> {
        self.begin().await?;
        let params = (
            event.event_id.as_str(),
            event.stock,
            event.per_user_limit,
            to_nullable_column(event.opens_at_ms),
            to_nullable_column(event.closes_at_ms),
            event.phase.as_str(),
            event.confirm.as_str(),
            event.labels.to_column(),
        );
        if self.change(sql::CREATE_EVENT, params).await? != 1 {
            self.roll_back().await?;
            return Ok(Created::Exists);
        }
        self.note_audit(entry).await?;
        self.commit().await?;
        Ok(Created::Added)
    }

    /// One event.
    pub async fn event(&mut self, event: &EventId) -> Result<Option<Event>, StoreError> {
        let row = self.row(&sql::events(sql::OF_EVENT), (event.as_str(),)).await?;
        row.map(read).transpose()
    }

    /// Up to `count` events, the oldest first, behind one of them; None: from the first.
    pub async fn events_after(
        &mut self,
        after: Option<&Event>,
        phase: Option<Phase>,
        count: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let phase = phase.map_or("", Phase::as_str);
        let (created, id) =
            after.map_or((0, ""), |event| (event.created_at_ms, event.event_id.as_str()));
        let created = to_column(created);
        let params = (phase, phase, created, created, id, count);
        let rows = self.rows(&sql::events(sql::EVENTS_AFTER), params).await?;
        rows.into_iter().map(read).collect()
    }

    /// Every event that the leader has not put away.
    pub async fn live_events(&mut self) -> Result<Vec<Event>, StoreError> {
        self.events(sql::LIVE_EVENTS).await
    }

    /// Up to `most` of those events that the leader has put away.
    pub async fn put_away_of(
        &mut self,
        events: &[EventId],
        most: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let mut found = Vec::new();
        for events in events.chunks(MAX_ROWS) {
            let (size, mut params) = padded(events, |event| Value::from(event.as_str()));
            params.push(most.into());
            let rows = self.rows(&sql::events(&sql::put_away_of(size)), params).await?;
            found.extend(rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?);
        }
        found.truncate(most as usize);
        Ok(found)
    }

    /// Those whose last change was not carried yet.
    pub async fn changed_events(&mut self) -> Result<Vec<Event>, StoreError> {
        self.events(sql::CHANGED_EVENTS).await
    }

    /// Events that were armed and are not put away: they may have an outbox.
    pub async fn armed_events(&mut self) -> Result<Vec<EventId>, StoreError> {
        let rows = self.rows(sql::ARMED_EVENTS, ()).await?;
        rows.into_iter()
            .map(|row| Columns(row).word("event_id", |word| word.parse().ok()))
            .collect()
    }

    /// Changes what is wanted of an event, if it still has that version, and notes who did.
    pub async fn change_event(
        &mut self,
        event: &EventId,
        version: u64,
        to: &Wanted,
        entry: &Entry<'_>,
    ) -> Result<Changed, StoreError> {
        self.begin().await?;
        let params = (
            to.phase.as_str(),
            to.stock,
            to_nullable_column(to.opens_at_ms),
            to_nullable_column(to.closes_at_ms),
            to.labels.to_column(),
            event.as_str(),
            version,
        );
        if self.change(sql::CHANGE_EVENT, params).await? != 1 {
            self.roll_back().await?;
            return Ok(Changed::Moved);
        }
        self.note_audit(entry).await?;
        self.commit().await?;
        Ok(Changed::Done)
    }

    /// Notes that shard and directory carry a version, if epoch and version are still those.
    pub async fn note_carried(
        &mut self,
        event: &EventId,
        epoch: u64,
        version: u64,
    ) -> Result<(), StoreError> {
        self.change(sql::NOTE_CARRIED, (version, event.as_str(), epoch, version)).await?;
        Ok(())
    }

    /// Notes what the leader waits for.
    pub async fn note_waiting(&mut self, event: &EventId, text: &str) -> Result<(), StoreError> {
        self.change(sql::NOTE_WAITING, (fitting(text), event.as_str())).await?;
        Ok(())
    }

    /// Asks the leader to arm an event again, if it still has that epoch. Asking twice is asking
    /// once; the next epoch has not been asked for.
    pub async fn ask_rearm(&mut self, event: &EventId, epoch: u64) -> Result<Asked, StoreError> {
        self.change(sql::ASK_REARM, (epoch, event.as_str(), epoch)).await?;
        let asked: Option<u64> = self.row(sql::REARM_ASKED, (event.as_str(), epoch)).await?;
        Ok(if asked == Some(epoch) { Asked::Asked } else { Asked::Moved })
    }

    async fn events(&mut self, which: &str) -> Result<Vec<Event>, StoreError> {
        let rows = self.rows(&sql::events(which), ()).await?;
        rows.into_iter().map(read).collect()
    }
}

/// The part of a text that fits into `waiting_for`, an ASCII column.
pub fn fitting(text: &str) -> String {
    let plain = |c: char| if c.is_ascii() { c } else { '?' };
    text.chars().take(MAX_WAITING_BYTES).map(plain).collect()
}

fn read(row: Row) -> Result<Event, StoreError> {
    let mut row = Columns(row);
    Ok(Event {
        event_id: row.word("event_id", |word| word.parse().ok())?,
        stock: row.take("stock")?,
        per_user_limit: row.take("per_user_limit")?,
        opens_at_ms: row.ms("opens_at")?,
        closes_at_ms: row.ms("closes_at")?,
        phase: row.word("phase", Phase::parse)?,
        confirm: row.word("confirm", Confirm::parse)?,
        labels: row.word("labels", Labels::from_column)?,
        epoch: row.take("epoch")?,
        version: row.take("version")?,
        carried_version: row.take("carried_version")?,
        waiting_for: row.take("waiting_for")?,
        created_at_ms: row.ms("created_at")?,
        updated_at_ms: row.ms("updated_at")?,
        opened_before: row.take("opened_before")?,
        highest_config_epoch: row.take("highest_config_epoch")?,
        changes_due: row.take("changes_due")?,
        rearm_asked: row.take("rearm_asked")?,
        arming: read_arming(&mut row)?,
    })
}

fn read_arming(row: &mut Columns) -> Result<Option<Arming>, StoreError> {
    let Some(step) = row.take::<Option<String>>("step")? else {
        return Ok(None);
    };
    let step =
        EpochStep::parse(&step).ok_or(StoreError::Unreadable { column: "step", found: step })?;
    Ok(Some(Arming {
        step,
        armer: row.take("armer")?,
        identity: row.take("identity")?,
        run_id: row.take("run_id")?,
        config_epoch: row.take("config_epoch")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_fits_its_column() {
        assert_eq!(fitting("a master"), "a master");
        assert_eq!(fitting("é…"), "??");
        assert_eq!(fitting(&"é".repeat(400)).len(), MAX_WAITING_BYTES);
    }
}
