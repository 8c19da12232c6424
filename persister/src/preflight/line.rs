//! What is found, line by line.

use std::fmt;

use contract::ids::EventId;
use serde::Serialize;

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Good enough for some purposes; the line says for which not.
    Warning,
    /// To be put right before the sale.
    ToDo,
    /// It cannot be seen from here; the line says where.
    NotSeen,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was looked at; the same words each time.
    pub check: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// Which one: a node, a topic. Empty: there is one only.
    pub about: String,
    /// What was found, or what to do.
    pub says: String,
}

/// All lines of an event. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The event.
    pub event_id: String,
    /// Whether nothing is to be done.
    pub ok: bool,
    /// What was looked at.
    pub lines: Vec<Line>,
}

impl Verdict {
    /// The word, as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::ToDo => "TO DO",
            Self::NotSeen => "not seen",
        }
    }
}

impl Line {
    pub(super) fn ok(
        check: &'static str,
        about: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Self {
        Self::of(Verdict::Ok, check, about, says)
    }

    pub(super) fn warning(
        check: &'static str,
        about: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Self {
        Self::of(Verdict::Warning, check, about, says)
    }

    pub(super) fn to_do(
        check: &'static str,
        about: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Self {
        Self::of(Verdict::ToDo, check, about, says)
    }

    pub(super) fn not_seen(
        check: &'static str,
        about: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Self {
        Self::of(Verdict::NotSeen, check, about, says)
    }

    fn of(
        verdict: Verdict,
        check: &'static str,
        about: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Self {
        Self { check, verdict, about: about.to_string(), says: says.to_string() }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, verdict, about, says } = self;
        let about = if about.is_empty() { String::new() } else { format!(" {about}") };
        write!(f, "{:8}  {check}{about}: {says}", verdict.as_str())
    }
}

impl Report {
    pub(super) fn of(event: &EventId, lines: Vec<Line>) -> Self {
        let ok = lines.iter().all(|line| line.verdict != Verdict::ToDo);
        Self { event_id: event.to_string(), ok, lines }
    }
}

#[cfg(test)]
pub(super) fn verdicts(lines: &[Line]) -> Vec<Verdict> {
    lines.iter().map(|line| line.verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_ok_unless_something_is_to_be_done() {
        let event = "spring".parse().unwrap();
        let ok = || Line::ok("clock", "redis", "0 ms apart");
        let warning = Line::warning("placement", "", "one host");
        let report = Report::of(&event, vec![ok(), warning]);
        assert!(report.ok);
        assert_eq!(report.lines[0].to_string(), "ok        clock redis: 0 ms apart");
        assert_eq!(report.lines[1].to_string(), "warning   placement: one host");
        assert!(!Report::of(&event, vec![ok(), Line::to_do("clock", "", "set it")]).ok);
    }
}
