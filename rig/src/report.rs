//! The report of a rush, for programs: `--report F` of demo, rush and check.

use std::path::Path;
use std::{fs, io};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::check::History;
use crate::check::Verdict;
use crate::check::evidence::Unnoted;

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `pass` or `fail`.
    pub verdict: &'static str,
    /// Different coupons that clients were told of.
    pub told: u64,
    /// Rows in MySQL that are held.
    pub rows: u64,
    /// Wins in Redis that are held.
    pub in_redis: u64,
    /// Users who have more than the limit.
    pub doubled: u64,
    /// Units beyond the stock.
    pub oversold: u64,
    /// Told coupons without their row.
    pub missing: u64,
    /// Claims to which nobody got a definite answer.
    pub unknown: u64,
    /// Records that did not become a row.
    pub dead_letters: u64,
    /// Those of them that lost to another win.
    pub void: u64,
    /// Coupons that were told, have no row, and are on their way.
    pub in_flight: u64,
    /// Those whose dead letter waits.
    pub dead_lettered: u64,
    /// Those that an operator gave up.
    pub given_up: u64,
    /// Claims that got a definite answer, per second.
    pub claims_per_s: f64,
    /// Median latency of a definite answer, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the same.
    pub p99_ms: f64,
    /// Seconds from the last win that was told to the last row; null where nobody watched.
    pub last_row_s: Option<f64>,
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Why nothing was concluded from the order in which things were told; null: it was.
    pub order_not_judged: Option<&'static str>,
    /// What is broken, in sentences; the first of each kind.
    pub violations: Vec<String>,
}

impl Report {
    /// The report of a history that was judged.
    pub fn new(verdict: &Verdict, history: &History) -> Self {
        let counts = verdict.counts;
        let answers = history.timing.answers();
        Self {
            verdict: if verdict.passes() { "pass" } else { "fail" },
            told: counts.told,
            rows: counts.rows,
            in_redis: counts.in_redis,
            doubled: counts.doubled,
            oversold: counts.oversold,
            missing: counts.missing,
            unknown: counts.unknown,
            dead_letters: counts.dead_letters,
            void: counts.void,
            in_flight: counts.books.in_flight,
            dead_lettered: counts.books.dead_lettered,
            given_up: counts.books.given_up,
            claims_per_s: rounded(history.timing.claims_per_s()),
            p50_ms: quantile_ms(&answers, 0.5),
            p99_ms: quantile_ms(&answers, 0.99),
            last_row_s: history.timing.last_row_s().map(rounded),
            requests: history.timing.requests,
            order_not_judged: verdict.order_not_judged.map(Unnoted::as_str),
            violations: verdict.findings.named().iter().map(ToString::to_string).collect(),
        }
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n")
    }
}

/// The latency table: one line for each kind of answer.
pub fn latency_table(history: &History) -> String {
    let timing = &history.timing;
    let rows = [
        ("won", &timing.won),
        ("sold out", &timing.sold_out),
        ("other", &timing.refused),
        ("with retries", &timing.settled),
    ];
    let mut table = format!(
        "{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
        "latency, ms", "answers", "p50", "p90", "p99", "p99.9", "max"
    );
    for (name, times) in rows.into_iter().filter(|(_, times)| !times.is_empty()) {
        let at = |quantile| quantile_ms(times, quantile);
        table += &format!(
            "{name:<14}{:>10}{:>10.1}{:>10.1}{:>10.1}{:>10.1}{:>10.1}\n",
            times.len(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            at(1.0)
        );
    }
    table
}

fn quantile_ms(times: &Histogram<u64>, quantile: f64) -> f64 {
    rounded(times.value_at_quantile(quantile) as f64 / 1e3)
}

/// Three digits behind the point: more would claim a precision that is not there.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::history::Fold;
    use crate::check::verdict::{Counts, Findings};
    use crate::check::violation::Violation;

    fn history() -> History {
        let mut fold = Fold::default();
        let lines = [
            "H\t1\tspring\tcreated\t1\t1\t1700000000000",
            "Q\t1\t0\tann\t-",
            "A\t1\t2000\t200\tissued\t0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b,1",
            "Q\t2\t1000\tbob\t-",
            "A\t2\t1000000\t409\tsold_out\t-",
            "P\t252000\t1",
        ];
        lines.iter().for_each(|line| fold.take(line).unwrap());
        fold.finish().unwrap()
    }

    fn verdict(unknown: u64) -> Verdict {
        let counts = Counts { told: 1, rows: 1, in_redis: 1, unknown, ..Counts::default() };
        Verdict { counts, findings: Findings::default(), order_not_judged: None }
    }

    #[test]
    fn the_report_has_the_names_that_others_read() {
        let report = Report::new(&verdict(0), &history());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["verdict"], "pass");
        for name in ["told", "rows", "in_redis", "doubled", "oversold", "missing", "unknown"] {
            assert!(json[name].is_u64(), "{name}");
        }
        for name in ["claims_per_s", "p50_ms", "p99_ms", "last_row_s"] {
            assert!(json[name].is_f64(), "{name}");
        }
        assert_eq!((report.last_row_s, report.claims_per_s), (Some(0.25), 2.0));
        assert!((1.9..2.1).contains(&report.p50_ms), "{report:?}");
    }

    #[test]
    fn what_is_broken_fails_and_is_named() {
        let mut broken = verdict(0);
        broken.findings.add(Violation::Unreadable { count: 1 });
        let report = Report::new(&broken, &history());
        assert_eq!((report.verdict, report.violations.len()), ("fail", 1));
    }

    #[test]
    fn the_table_has_a_line_for_each_kind_of_answer() {
        let table = latency_table(&history());
        assert_eq!(table.lines().count(), 4, "{table}");
        assert!(table.contains("sold out"), "{table}");
    }
}
