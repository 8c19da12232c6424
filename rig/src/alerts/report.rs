//! What came of the cases.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

/// What became of one alert of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Came {
    /// The case.
    pub case: &'static str,
    /// The alert.
    pub alert: &'static str,
    /// Seconds from the fault until Prometheus said that it fires.
    pub fired_after_s: Option<f64>,
    /// Whether Alertmanager had it then.
    pub delivered: bool,
    /// Seconds from the healing until both said that it is over.
    pub resolved_after_s: Option<f64>,
}

impl Came {
    /// Nothing has become of it yet.
    pub(super) fn waits(case: &'static str, alert: &'static str) -> Self {
        Self { case, alert, fired_after_s: None, delivered: false, resolved_after_s: None }
    }

    /// Whether it came and went as it should.
    pub fn passes(&self) -> bool {
        self.fired_after_s.is_some() && self.delivered && self.resolved_after_s.is_some()
    }
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
        let _ = writeln!(
            text,
            "{:<20}{:<22}{:>12}{:>11}{:>15}  verdict",
            "fault", "alert", "fired after", "delivered", "resolved after"
        );
        for came in &self.came {
            let _ = writeln!(
                text,
                "{:<20}{:<22}{:>12}{:>11}{:>15}  {}",
                came.case,
                came.alert,
                seconds(came.fired_after_s),
                if came.delivered { "yes" } else { "no" },
                seconds(came.resolved_after_s),
                if came.passes() { "ok" } else { "MISSED" }
            );
        }
        for problem in &self.problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        text
    }
}

fn seconds(time: Option<f64>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{time:.1} s"))
}

/// Tenths of a second: looks are no finer.
pub(super) fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came() -> Came {
        Came {
            fired_after_s: Some(4.5),
            delivered: true,
            resolved_after_s: Some(12.0),
            ..Came::waits("edge-stopped", "PartDown")
        }
    }

    fn report(came: Came) -> Report {
        Report { users: Some(1_000), came: vec![came], ..Report::default() }
    }

    #[test]
    fn an_alert_comes_is_told_and_goes() {
        assert!(report(came()).passes());
        let table = report(came()).table();
        assert!(table.contains("no alert fired") && table.contains("4.5 s"), "{table}");
        let missed = [
            Came { fired_after_s: None, ..came() },
            Came { delivered: false, ..came() },
            Came { resolved_after_s: None, ..came() },
        ];
        for missed in missed {
            let report = report(missed);
            assert!(!report.passes() && report.table().contains("MISSED"), "{}", report.table());
        }
    }

    #[test]
    fn a_rush_fires_nothing_and_nothing_at_all_is_no_pass() {
        let fired = Report { fired_in_the_rush: vec!["ClaimsSlow".to_owned()], ..report(came()) };
        assert!(!fired.passes() && fired.table().contains("FIRED: ClaimsSlow"));
        let broken = Report { problems: vec!["kafka-2".to_owned()], ..report(came()) };
        assert!(!broken.passes());
        assert!(!Report::default().passes());
    }
}
