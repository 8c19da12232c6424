//! What came of the cases.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::judge::{Reached, Seen, Verdict};
use super::trial::Trial;

/// What became of one alert of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Came {
    /// The case.
    pub case: &'static str,
    /// The alert.
    pub alert: &'static str,
    /// Seconds that it had from the fault until it fires.
    pub within_s: f64,
    /// Seconds that it took, by what Prometheus said.
    pub fired_after_s: Option<f64>,
    /// What Alertmanager did with it.
    pub reached: Reached,
    /// Seconds from the healing until both said that it is over.
    pub resolved_after_s: Option<f64>,
    /// What is said of it.
    pub verdict: Verdict,
}

impl Came {
    /// What is said of an alert that had so long.
    pub(super) fn of(
        case: &'static str,
        alert: &'static str,
        within: Duration,
        seen: &Seen,
    ) -> Self {
        Self {
            case,
            alert,
            within_s: rounded(within),
            fired_after_s: seen.fired_after.map(rounded),
            reached: seen.reached,
            resolved_after_s: seen.resolved_after.map(rounded),
            verdict: seen.verdict(within),
        }
    }

    /// Whether it came in its time, and went as it should.
    pub fn passes(&self) -> bool {
        self.verdict == Verdict::Ok
    }
}

/// The alerts that nobody waited for in a case. They are no failure: a fault has more sides than one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// The case.
    pub case: &'static str,
    /// They began to fire between its beginning and its end.
    pub fired: Vec<String>,
    /// They fired already when it began.
    pub from_before: Vec<String>,
}

/// What came of all that was tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Users of the rush that nothing was broken in; None: there was none.
    pub users: Option<u32>,
    /// Alerts that fired in it all the same.
    pub fired_in_the_rush: Vec<String>,
    /// Every alert of every case.
    pub came: Vec<Came>,
    /// What else fired in each case.
    pub beside: Vec<Beside>,
    /// What kept a case from being played to its end.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether all is as it should be.
    pub fn passes(&self) -> bool {
        self.fired_in_the_rush.is_empty()
            && self.problems.is_empty()
            && !(self.came.is_empty() && self.users.is_none())
            && self.came.iter().all(Came::passes)
    }

    pub(super) fn add(&mut self, trial: Trial) {
        self.came.extend(trial.came);
        self.beside.push(trial.beside);
        self.problems.extend(trial.problems);
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail, here and below.
        if let Some(users) = self.users {
            let fired = match self.fired_in_the_rush.as_slice() {
                [] => "no alert fired".to_owned(),
                fired => format!("FIRED: {}", fired.join(", ")),
            };
            let _ = writeln!(text, "a rush of {users} users: {fired}");
        }
        let heads = ["fault", "alert", "within", "took", "reached", "resolved after"];
        let _ = writeln!(text, "{}  verdict", row(heads.map(str::to_owned)));
        for came in &self.came {
            let _ = writeln!(text, "{}  {}", row(cells(came)), came.verdict.as_str());
        }
        for Beside { case, fired, from_before } in &self.beside {
            for (what, alerts) in [("also fired", fired), ("fired already", from_before)] {
                if !alerts.is_empty() {
                    let _ = writeln!(text, "{case}: {what}: {}", alerts.join(", "));
                }
            }
        }
        for problem in &self.problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        text
    }
}

fn cells(came: &Came) -> [String; 6] {
    [
        came.case.to_owned(),
        came.alert.to_owned(),
        seconds(Some(came.within_s)),
        seconds(came.fired_after_s),
        came.reached.as_str().to_owned(),
        seconds(came.resolved_after_s),
    ]
}

fn row([fault, alert, within, took, reached, resolved]: [String; 6]) -> String {
    format!("{fault:<20}{alert:<22}{within:>9}{took:>9}{reached:>11}{resolved:>16}")
}

fn seconds(time: Option<f64>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{time:.1} s"))
}

/// Tenths of a second: looks are no finer.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(20);

    fn seen() -> Seen {
        Seen {
            fired_after: Some(Duration::from_millis(4_460)),
            reached: Reached::Yes,
            resolved_after: Some(Duration::from_secs(12)),
        }
    }

    fn report(seen: Seen) -> Report {
        let came = vec![Came::of("edge-stopped", "PartDown", WITHIN, &seen)];
        Report { users: Some(1_000), came, ..Report::default() }
    }

    #[test]
    fn an_alert_comes_in_its_time_is_told_and_goes() {
        assert!(report(seen()).passes());
        let table = report(seen()).table();
        for said in ["no alert fired", "20.0 s", "4.5 s", "yes", "12.0 s", "ok"] {
            assert!(table.contains(said), "{said}: {table}");
        }
        let wrong = [
            (Seen { fired_after: None, ..seen() }, "MISSED"),
            (Seen { fired_after: Some(WITHIN * 2), ..seen() }, "LATE"),
            (Seen { reached: Reached::No, ..seen() }, "NOT REACHED"),
            (Seen { resolved_after: None, ..seen() }, "NOT RESOLVED"),
        ];
        for (wrong, said) in wrong {
            let report = report(wrong);
            assert!(!report.passes() && report.table().contains(said), "{}", report.table());
        }
    }

    #[test]
    fn an_alert_that_another_one_speaks_for_is_named_so() {
        let report = report(Seen { reached: Reached::Inhibited, ..seen() });
        assert!(report.passes() && report.table().contains("inhibited"), "{}", report.table());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["came"][0]["reached"], "inhibited");
        assert_eq!(json["came"][0]["within_s"], 20.0);
        assert_eq!(json["came"][0]["verdict"], "ok");
    }

    #[test]
    fn what_else_fired_is_told_and_not_judged() {
        let beside = Beside {
            case: "edge-stopped",
            fired: vec!["ClaimsSlow".to_owned()],
            from_before: vec!["NoLeader".to_owned()],
        };
        let report = Report { beside: vec![beside], ..report(seen()) };
        let table = report.table();
        assert!(report.passes());
        assert!(table.contains("edge-stopped: also fired: ClaimsSlow\n"), "{table}");
        assert!(table.contains("edge-stopped: fired already: NoLeader\n"), "{table}");
    }

    #[test]
    fn a_rush_fires_nothing_and_nothing_at_all_is_no_pass() {
        let fired = Report { fired_in_the_rush: vec!["ClaimsSlow".to_owned()], ..report(seen()) };
        assert!(!fired.passes() && fired.table().contains("FIRED: ClaimsSlow"));
        let broken = Report { problems: vec!["kafka-2".to_owned()], ..report(seen()) };
        assert!(!broken.passes());
        assert!(!Report::default().passes());
    }
}
