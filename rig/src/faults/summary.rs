//! What a run of rounds came to: a line for each round, a table of kinds, and JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use serde::Serialize;

use super::kind::{Goal, Kind};
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
    /// The longest that a claim waited for its first definite answer.
    pub wait_s: Option<f64>,
    /// How soon new wins or rows should come.
    #[serde(skip)]
    pub goal: Option<Goal>,
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
    /// How the run ended.
    pub ended: Ended,
    /// Coupons told in all.
    pub told: u64,
    /// Claims without a definite answer in all.
    pub unknown: u64,
    /// Rounds in which something was wrong.
    pub failed: u64,
    /// Kinds that cannot be played here, and why.
    pub not_played: BTreeMap<&'static str, String>,
    /// A kind a line.
    pub kinds: BTreeMap<&'static str, OfKind>,
    /// A round a line.
    pub rounds: Vec<Line>,
}

/// How a run ended. One that did not come to its end passes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It still goes on, or whoever wrote this was killed.
    #[default]
    NotYet,
    /// All rounds were played.
    Complete,
    /// Somebody interrupted it.
    Interrupted,
    /// A round could not be played, for this reason.
    Failed(String),
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
    /// The longest that a claim waited for its first definite answer.
    pub worst_wait_s: Option<f64>,
    /// How soon new wins, or new rows, should come; null where nothing is said.
    pub goal_s: Option<f64>,
    /// Rounds in which they came later. They pass: timings are for benchmarks.
    pub over_goal: u64,
    /// Claims without a definite answer.
    pub unknown: u64,
    #[serde(skip)]
    goal: Option<Goal>,
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
            wait_s: outcome.silence.wait.map(seconds),
            goal: kind.goal,
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
            "{:<32} seed {:<10} {:<7} {:<5} no win {:>6} s  no row {:>6} s  wait {:>6} s  told \
             {:>5}  unknown {:>3}  {:>5.1} s  {}",
            self.kind,
            self.seed,
            self.confirm,
            self.through,
            shown(self.without_win_s),
            shown(self.without_row_s),
            shown(self.wait_s),
            self.told,
            self.unknown,
            self.took_s,
            self.verdict.to_uppercase()
        )
    }

    /// Whether what should come soon came later.
    fn is_over_goal(&self) -> bool {
        let (took_s, goal) = match self.goal {
            None => return false,
            Some(Goal::Wins(goal)) => (self.without_win_s, goal),
            Some(Goal::Rows(goal)) => (self.without_row_s, goal),
        };
        took_s.is_some_and(|took_s| took_s > seconds(goal))
    }
}

impl OfKind {
    fn add(&mut self, line: &Line) {
        self.rounds += 1;
        self.failed += u64::from(line.verdict != word(true));
        self.unknown += line.unknown;
        self.worst_without_win_s = most(self.worst_without_win_s, line.without_win_s);
        self.worst_without_row_s = most(self.worst_without_row_s, line.without_row_s);
        self.worst_wait_s = most(self.worst_wait_s, line.wait_s);
        self.over_goal += u64::from(line.is_over_goal());
        self.goal = line.goal;
        self.goal_s = line.goal.map(|goal| seconds(goal.within()));
    }

    /// The longest times without a new win and without a new row, the one that has a goal with it.
    fn worst(&self) -> [String; 2] {
        let (wins, rows) = (shown(self.worst_without_win_s), shown(self.worst_without_row_s));
        match self.goal {
            None => [wins, rows],
            Some(Goal::Wins(goal)) => [format!("{wins} of {}", goal.as_secs()), rows],
            Some(Goal::Rows(goal)) => [wins, format!("{rows} of {}", goal.as_secs())],
        }
    }
}

impl Summary {
    /// Adds a round.
    pub fn add(&mut self, line: Line) {
        self.kinds.entry(line.kind).or_default().add(&line);
        self.told += line.told;
        self.unknown += line.unknown;
        self.failed += u64::from(line.verdict != word(true));
        self.rounds.push(line);
        self.verdict = word(self.passes());
    }

    /// No round follows.
    pub fn end(&mut self, ended: Ended) {
        self.ended = ended;
        self.verdict = word(self.passes());
    }

    /// Every round that was wanted was played and passed, and there was one.
    pub fn passes(&self) -> bool {
        self.ended == Ended::Complete && self.failed == 0 && !self.rounds.is_empty()
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<32} {:>6} {:>16} {:>16} {:>14} {:>8}  verdict\n",
            "kind", "rounds", "worst s no win", "worst s no row", "worst s wait", "unknown"
        );
        for (name, kind) in &self.kinds {
            let [wins, rows] = kind.worst();
            let _ = writeln!(
                text,
                "{name:<32} {:>6} {wins:>16} {rows:>16} {:>14} {:>8}  {}",
                kind.rounds,
                shown(kind.worst_wait_s),
                kind.unknown,
                if kind.failed == 0 { "PASS".to_owned() } else { format!("FAIL {}", kind.failed) }
            );
        }
        match &self.ended {
            Ended::Complete => {}
            Ended::NotYet => text.push_str("not ended yet\n"),
            Ended::Interrupted => text.push_str("interrupted\n"),
            Ended::Failed(why) => {
                let _ = writeln!(text, "ended by an error: {why}");
            }
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
            wait_s: Some(0.75),
            goal: (kind == "a").then_some(Goal::Wins(Duration::from_secs(2))),
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
        let mut summary = Summary { ended: Ended::Complete, ..Summary::default() };
        assert!(!summary.passes(), "nothing was shown");
        summary.add(line("a", Some(0.5), "pass"));
        summary.add(line("a", Some(2.25), "pass"));
        summary.add(line("b", None, "pass"));
        assert!(summary.passes());
        assert_eq!(summary.kinds["a"].worst_without_win_s, Some(2.25));
        assert_eq!(summary.kinds["b"].worst_without_win_s, None);
        assert_eq!((summary.kinds["a"].over_goal, summary.kinds["a"].goal_s), (1, Some(2.0)));
        summary.add(line("b", None, "fail"));
        assert!(!summary.passes());
        let table = summary.table();
        assert!(table.contains("FAIL 1") && table.contains(" 2.25 of 2 "), "{table}");
        assert!(table.ends_with("told wins 40 · claims unknown 4 · rounds failed 1     FAIL"));
    }

    #[test]
    fn a_run_that_did_not_come_to_its_end_passes_nothing() {
        let mut summary = Summary::default();
        summary.add(line("a", Some(0.5), "pass"));
        assert_eq!((summary.passes(), summary.verdict), (false, "fail"));
        for ended in [Ended::Interrupted, Ended::Failed("no disk".to_owned())] {
            summary.end(ended);
            assert!(!summary.passes() && summary.table().ends_with("FAIL"));
        }
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["ended"]["failed"], "no disk");
        summary.end(Ended::Complete);
        assert_eq!((summary.passes(), summary.verdict), (true, "pass"));
    }
}
