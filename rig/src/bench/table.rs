//! The report, for people: a line for each row with its goals beside the figures.

use std::fmt::Write;

use super::figures::RowReport;
use super::goals::{Standing, standings};
use super::report::Report;

/// The whole table.
pub fn table(report: &Report) -> String {
    let mut text = format!(
        "\n{:<16}{:>6}{:>10}  {:<28}{:>8}  {:<28}{:>8}{:>8}\n",
        "row",
        "conns",
        "req/s",
        "× R (spread) goal",
        "CPU µs",
        "× R (spread) goal",
        "p50 ms",
        "p99 ms"
    );
    for row in &report.rows {
        line(&mut text, row);
    }
    text
}

fn line(text: &mut String, row: &RowReport) {
    let standings = standings(std::slice::from_ref(row));
    let goal = |figure: &str| standings.iter().find(|standing| standing.figure == figure);
    let digits = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let latency = |name: &str| digits(row.figures.get(name).copied(), 2);
    // Writing to a String does not fail, here and below.
    let _ = writeln!(
        text,
        "{:<16}{:>6}{:>10}  {:<28}{:>8}  {:<28}{:>8}{:>8}",
        row.name,
        row.connections,
        digits(row.rps, 0),
        ratio(row.rps_ratio, row.spread, goal("rps_ratio")),
        digits(row.cpu_us, 2),
        ratio(row.cpu_ratio, row.cpu_spread, goal("cpu_ratio")),
        latency("p50_ms"),
        latency("p99_ms"),
    );
    others(text, row, &standings);
    for error in &row.errors {
        let _ = writeln!(text, "    no figures: {error}");
    }
}

fn ratio(value: Option<f64>, spread: Option<f64>, goal: Option<&Standing>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let spread = spread.map_or_else(String::new, |spread| format!(" ({:.0} %)", spread * 100.0));
    format!("{value:.2}{spread}{}", goal.map_or_else(String::new, verdict))
}

/// ` >= 0.95 met`.
fn verdict(standing: &Standing) -> String {
    format!(" {} {}", standing.wanted, if standing.met { "met" } else { "MISSED" })
}

/// What the other processes cost, and figures with names of their own.
fn others(text: &mut String, row: &RowReport, standings: &[Standing]) {
    let in_columns = |name: &str| matches!(name, "p50_ms" | "p99_ms");
    let shown = |name: &str, value: f64| {
        let goal = standings.iter().find(|standing| standing.figure == name);
        format!("{name} {value:.2}{}", goal.map_or_else(String::new, verdict))
    };
    let cpu: Vec<String> = row.cpu.iter().map(|(name, value)| shown(name, *value)).collect();
    if cpu.len() > 1 {
        let _ = writeln!(text, "    µs a request: {}", cpu.join(" · "));
    }
    let figures = row.figures.iter().filter(|(name, _)| !in_columns(name));
    let figures: Vec<String> = figures.map(|(name, value)| shown(name, *value)).collect();
    if !figures.is_empty() {
        let _ = writeln!(text, "    {}", figures.join(" · "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> RowReport {
        let mut row = RowReport {
            name: "sold_redis".to_owned(),
            connections: 64,
            rps: Some(60_000.0),
            rps_ratio: Some(0.7),
            spread: Some(0.04),
            cpu_us: Some(11.0),
            cpu_ratio: Some(1.5),
            ..RowReport::default()
        };
        row.cpu.extend([("edge".to_owned(), 11.0), ("master".to_owned(), 3.25)]);
        row
    }

    fn shown(row: RowReport) -> String {
        table(&Report { rows: vec![row], ..Report::default() })
    }

    #[test]
    fn goals_stand_beside_the_figures() {
        let text = shown(row());
        for part in ["0.70 (4 %) >= 0.62 met", "1.50 <= 1.4 MISSED", "master 3.25 <= 4.5 met"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_row_that_erred_shows_no_ratio() {
        let errors = vec!["round 2: 7 busy".to_owned()];
        let text = shown(RowReport { name: "win_log".to_owned(), errors, ..RowReport::default() });
        assert!(text.contains("no figures: round 2: 7 busy"), "{text}");
        assert!(!text.contains('%'), "{text}");
    }
}
