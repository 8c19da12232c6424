//! The audit: who changed what, from what to what, and why. A line is written in the transaction
//! that makes the change, so that neither is there without the other.

use contract::ids::EventId;
use mysql_async::Row;
use serde_json::Value;

use super::columns::Columns;
use super::error::StoreError;
use super::session::Session;
use super::sql;

/// Who changes something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Their name, [`MAX_WHO_CHARS`] at most.
    pub who: String,
    /// How they reach us.
    pub way: Way,
    /// In their words, [`MAX_WHY_CHARS`] at most; empty: they did not say.
    pub why: String,
}

/// The longest name of an operator, in characters.
pub const MAX_WHO_CHARS: usize = 64;
/// The longest reason, in characters.
pub const MAX_WHY_CHARS: usize = 255;

/// How an operator reaches us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The command line.
    Cli,
    /// The admin API.
    Api,
}

/// Whether a change is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Yes.
    Do,
    /// No: only say what would happen. Nothing is written, the audit least of all.
    DryRun,
}

/// What an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Made an event.
    Create,
    /// Put an event on sale.
    Open,
    /// Stopped an event for a while.
    Pause,
    /// Let an event go on.
    Resume,
    /// Ended an event.
    Close,
    /// Put an event away.
    Archive,
    /// Changed how many units there are.
    Stock,
    /// Moved an event's window.
    Reschedule,
    /// Labelled an event.
    Label,
    /// Took a coupon back.
    Return,
    /// Took a coupon away.
    Revoke,
    /// Brought a dead letter again.
    Replay,
    /// Gave a dead letter up.
    Discard,
    /// Had reconcile repair what differs.
    Reconcile,
    /// Had a user's data replaced.
    Erase,
}

/// A line that is to be written.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Who, and why.
    pub operator: &'a Operator,
    /// What they do.
    pub action: Action,
    /// Which event it is about.
    pub event: Option<&'a EventId>,
    /// The version that the change gives the event.
    pub version: Option<u64>,
    /// What is changed, where it is not the event itself; empty: the event.
    pub subject: String,
    /// What stood before, of that which changes.
    pub was: Value,
    /// What stands then.
    pub became: Value,
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number; a later line has a higher one.
    pub id: u64,
    /// Unix milliseconds, on the database's clock.
    pub at_ms: u64,
    /// See [`Operator::who`].
    pub who: String,
    /// cli, api.
    pub way: String,
    /// See [`Action`]; a word, since a later build may write others.
    pub action: String,
    /// Which event it is about.
    pub event_id: Option<String>,
    /// The version that the change gave the event.
    pub version: Option<u64>,
    /// What was changed, where it is not the event itself.
    pub subject: String,
    /// What stood before.
    pub was: Value,
    /// What stood then.
    pub became: Value,
    /// See [`Operator::why`].
    pub why: String,
}

/// Which lines are asked for, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Of one event only.
    pub event: Option<EventId>,
    /// Only lines below this number; 0: from the newest.
    pub before: u64,
    /// How many at most.
    pub limit: u32,
}

impl Way {
    /// The word, as MySQL keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Api => "api",
        }
    }
}

impl Action {
    /// The word, as MySQL keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Close => "close",
            Self::Archive => "archive",
            Self::Stock => "stock",
            Self::Reschedule => "reschedule",
            Self::Label => "label",
            Self::Return => "return",
            Self::Revoke => "revoke",
            Self::Replay => "replay",
            Self::Discard => "discard",
            Self::Reconcile => "reconcile",
            Self::Erase => "erase",
        }
    }
}

impl Session {
    /// Writes a line, in the transaction of the change that it is about.
    pub async fn note_audit(&mut self, entry: &Entry<'_>) -> Result<(), StoreError> {
        let params = (
            &entry.operator.who,
            entry.operator.way.as_str(),
            entry.action.as_str(),
            entry.event.map(EventId::as_str),
            entry.version,
            &entry.subject,
            entry.was.to_string(),
            entry.became.to_string(),
            &entry.operator.why,
        );
        self.change(sql::NOTE_AUDIT, params).await?;
        Ok(())
    }

    /// Lines, newest first.
    pub async fn audit(&mut self, page: &Page) -> Result<Vec<Line>, StoreError> {
        let before = if page.before == 0 { u64::MAX } else { page.before };
        let rows: Vec<Row> = match &page.event {
            Some(event) => {
                self.rows(sql::AUDIT_OF_EVENT, (event.as_str(), before, page.limit)).await?
            }
            None => self.rows(sql::AUDIT, (before, page.limit)).await?,
        };
        rows.into_iter().map(read).collect()
    }

    /// What changed an event since a version, the first change first.
    pub async fn audit_since(
        &mut self,
        event: &EventId,
        version: u64,
        limit: u32,
    ) -> Result<Vec<Line>, StoreError> {
        let rows = self.rows(sql::AUDIT_SINCE, (event.as_str(), version, limit)).await?;
        rows.into_iter().map(read).collect()
    }
}

fn read(row: Row) -> Result<Line, StoreError> {
    let mut row = Columns(row);
    Ok(Line {
        id: row.take("audit_id")?,
        at_ms: row.ms("happened_at")?,
        who: row.take("who")?,
        way: row.take("way")?,
        action: row.take("action")?,
        event_id: row.take("event_id")?,
        version: row.take("version")?,
        subject: row.take("subject")?,
        was: row.word("was", |text| serde_json::from_str(text).ok())?,
        became: row.word("became", |text| serde_json::from_str(text).ok())?,
        why: row.take("why")?,
    })
}
