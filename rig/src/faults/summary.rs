//! What a run of rounds came to: a line for each round, a table of kinds, and JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use serde::Serialize;

use super::kind::Kind;
use super::round::Outcome;
use crate::rush::Through;

/// One round, as it is told.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The kind of fault.
    pub kind: &'static str,
    /// What everything was drawn from.
    pub seed: u64,
    /// `replica` or `log`.
    pub confirm: &'static str,
    /// `nginx` or `edges`.
    pub through: &'static str,
    /// Seconds without a new win from the fault on; null where none came after it.
    pub without_win_s: Option<f64>,
    /// The same of rows.
    pub without_row_s: Option<f64>,
    /// Coupons told.
    pub told: u64,
    /// Claims without a definite answer.
    pub unknown: u64,
    /// Seconds in all.
    pub took_s: f64,
    /// `pass` or `fail`.
    pub verdict: &'static str,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// What was done, and when.
    pub done: Vec<String>,
    /// The command that plays it again.
    pub again: String,
}

/// All rounds of a run.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// `pass` or `fail`.
    pub verdict: &'static str,
    /// Coupons told in all.
    pub told: u64,
    /// Claims without a definite answer in all.
    pub unknown: u64,
    /// Rounds in which something was wrong.
    pub failed: u64,
    /// A kind a line.
    pub kinds: BTreeMap<&'static str, OfKind>,
    /// A round a line.
    pub rounds: Vec<Line>,
}

/// The rounds of a kind.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OfKind {
    /// How many.
    pub rounds: u64,
    /// How many failed.
    pub failed: u64,
    /// The longest time without a new win after the fault.
    pub worst_without_win_s: Option<f64>,
    /// The longest time without a new row.
    pub worst_without_row_s: Option<f64>,
    /// Claims without a definite answer.
    pub unknown: u64,
}

impl Line {
    /// What there is to tell of a round.
    pub fn new(kind: &Kind, seed: u64, outcome: &Outcome, more: &str) -> Self {
        Self {
            kind: kind.name,
            seed,
            confirm: outcome.confirm.as_str(),
            through: match outcome.through {
                Through::Nginx => "nginx",
                Through::Edges => "edges",
            },
            without_win_s: outcome.silence.wins.map(seconds),
            without_row_s: outcome.silence.rows.map(seconds),
            told: outcome.told,
            unknown: outcome.unknown,
            took_s: seconds(outcome.took),
            verdict: word(outcome.passes()),
            wrong: outcome.wrong(),
            done: outcome.said.clone(),
            again: format!("./dev faults --kind {} --seed {seed} --rounds 1{more}", kind.name),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        format!(
            "{:<32} seed {:<10} {:<7} {:<5} no win {:>6} s  no row {:>6} s  told {:>5}  unknown \
             {:>3}  {:>5.1} s  {}",
            self.kind,
            self.seed,
            self.confirm,
            self.through,
            shown(self.without_win_s),
            shown(self.without_row_s),
            self.told,
            self.unknown,
            self.took_s,
            self.verdict.to_uppercase()
        )
    }
}

impl Summary {
    /// Adds a round.
    pub fn add(&mut self, line: Line) {
        let failed = u64::from(line.verdict != word(true));
        let kind = self.kinds.entry(line.kind).or_default();
        kind.rounds += 1;
        kind.failed += failed;
        kind.unknown += line.unknown;
        kind.worst_without_win_s = most(kind.worst_without_win_s, line.without_win_s);
        kind.worst_without_row_s = most(kind.worst_without_row_s, line.without_row_s);
        self.told += line.told;
        self.unknown += line.unknown;
        self.failed += failed;
        self.rounds.push(line);
        self.verdict = word(self.passes());
    }

    /// Every round passed, and there was one.
    pub fn passes(&self) -> bool {
        self.failed == 0 && !self.rounds.is_empty()
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<32} {:>6} {:>16} {:>16} {:>8}  verdict\n",
            "kind", "rounds", "worst s no win", "worst s no row", "unknown"
        );
        for (name, kind) in &self.kinds {
            let _ = writeln!(
                text,
                "{name:<32} {:>6} {:>16} {:>16} {:>8}  {}",
                kind.rounds,
                shown(kind.worst_without_win_s),
                shown(kind.worst_without_row_s),
                kind.unknown,
                if kind.failed == 0 { "PASS".to_owned() } else { format!("FAIL {}", kind.failed) }
            );
        }
        let _ = write!(
            text,
            "{} rounds · {} kinds · told wins {} · claims unknown {} · rounds failed {}     {}",
            self.rounds.len(),
            self.kinds.len(),
            self.told,
            self.unknown,
            self.failed,
            word(self.passes()).to_uppercase()
        );
        text
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")
    }
}

fn word(passes: bool) -> &'static str {
    if passes { "pass" } else { "fail" }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2}"))
}

fn most(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &'static str, without_win_s: Option<f64>, verdict: &'static str) -> Line {
        Line {
            kind,
            seed: 7,
            confirm: "log",
            through: "edges",
            without_win_s,
            without_row_s: None,
            told: 10,
            unknown: 1,
            took_s: 8.0,
            verdict,
            wrong: Vec::new(),
            done: Vec::new(),
            again: String::new(),
        }
    }

    #[test]
    fn a_kind_keeps_its_worst_and_one_failure_fails_all() {
        let mut summary = Summary::default();
        assert!(!summary.passes(), "nothing was shown");
        summary.add(line("a", Some(0.5), "pass"));
        summary.add(line("a", Some(2.25), "pass"));
        summary.add(line("b", None, "pass"));
        assert!(summary.passes());
        assert_eq!(summary.kinds["a"].worst_without_win_s, Some(2.25));
        assert_eq!(summary.kinds["b"].worst_without_win_s, None);
        summary.add(line("b", None, "fail"));
        assert!(!summary.passes());
        let table = summary.table();
        assert!(table.contains("FAIL 1"), "{table}");
        assert!(table.ends_with("told wins 40 · claims unknown 4 · rounds failed 1     FAIL"));
    }
}
