//! How lines of the audit are shown, to people and to machines.

use serde::Serialize;
use serde_json::Value;

use crate::events::view::time;
use crate::operator::spelt;
use crate::store::audit::{Line, Page};
use crate::store::{Session, StoreError};

/// The most lines of one answer.
pub const MAX_LINES: u32 = 1_000;

/// A line as `--json` and the API show it. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineView {
    /// Its number; a later line has a higher one.
    pub id: u64,
    /// RFC 3339 in UTC.
    pub at: String,
    /// Who did it.
    pub who: String,
    /// cli, api.
    pub way: String,
    /// What they did.
    pub action: String,
    /// Which event it is about; null: none.
    pub event_id: Option<String>,
    /// The version that it gave the event; null: it gave none.
    pub version: Option<u64>,
    /// What was changed, where it is not the event itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What stood before, of that which changed.
    pub from: Value,
    /// What stood then.
    pub to: Value,
    /// In their words.
    pub why: String,
}

impl LineView {
    /// A line as it is shown.
    pub fn of(line: Line) -> Self {
        Self {
            id: line.id,
            at: time(line.at_ms),
            who: line.who,
            way: line.way,
            action: line.action,
            event_id: line.event_id,
            version: line.version,
            subject: line.subject,
            from: line.was,
            to: line.became,
            why: line.why,
        }
    }

    /// The line in a sentence, on one line.
    pub fn sentence(&self) -> String {
        let Self { at, who, way, action, event_id, subject, from, to, why, .. } = self;
        let about = match (event_id, subject.as_str()) {
            (Some(event), "") => event.clone(),
            (Some(event), subject) => format!("{event} {subject}"),
            (None, subject) => subject.to_owned(),
        };
        let version = self.version.map(|version| format!(" (version {version})"));
        let version = version.unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!(", because: {why}") };
        spelt(&format!("{at} {who} ({way}) {action} {about}{version}: {from} → {to}{why}"))
    }
}

/// A page of the audit, newest first.
pub async fn list(session: &mut Session, page: &Page) -> Result<Vec<LineView>, StoreError> {
    Ok(session.audit(page).await?.into_iter().map(LineView::of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sentence_is_one_line_whatever_an_older_build_wrote() {
        let line = Line { why: "ok\n58 bob\u{1b}[2J".to_owned(), who: "a\rb".to_owned(), ..line() };
        let sentence = LineView::of(line).sentence();
        assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
        assert!(sentence.contains(r"ok\n58 bob\u{1b}[2J"), "{sentence}");
    }

    #[test]
    fn a_line_reads_as_a_sentence() {
        assert_eq!(
            LineView::of(line()).sentence(),
            "2023-11-14T22:13:20.123Z ann (cli) stock spring (version 3): \
             {\"stock\":5} → {\"stock\":8}, because: more came"
        );
    }

    fn line() -> Line {
        Line {
            id: 7,
            at_ms: 1_700_000_000_123,
            who: "ann".to_owned(),
            way: "cli".to_owned(),
            action: "stock".to_owned(),
            event_id: Some("spring".to_owned()),
            version: Some(3),
            subject: String::new(),
            was: json!({"stock": 5}),
            became: json!({"stock": 8}),
            why: "more came".to_owned(),
        }
    }
}
