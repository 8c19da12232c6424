//! From windows to a row of the report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::BenchError;
use super::plan::Cell;
use super::row::PLAIN;

/// One window, as it was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Which round, from 1.
    pub round: u16,
    /// Over how many connections.
    pub connections: u16,
    /// The row.
    pub row: &'static str,
    /// Its figures, or what was wrong.
    pub outcome: Result<Measured, String>,
}

impl Window {
    /// One that could not be measured.
    pub(super) fn erred(cell: Cell, error: &BenchError) -> Self {
        let Cell { round, connections, row } = cell;
        Self { round, connections, row: row.name, outcome: Err(error.to_string()) }
    }
}

/// The figures of a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Answers a second.
    pub rps: f64,
    /// CPU of the server that is compared with R, in microseconds a request.
    pub server_us: f64,
    /// CPU of every process that takes part, in microseconds a request, by what it is.
    pub cpu: BTreeMap<String, f64>,
    /// Other figures, by name: latencies, claims a call.
    pub figures: BTreeMap<String, f64>,
}

/// A row of the report. Figures are medians of the rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RowReport {
    /// Its name.
    pub name: String,
    /// Over how many connections.
    pub connections: u16,
    /// Answers a second.
    pub rps: Option<f64>,
    /// The same as a multiple of R's in the same round.
    pub rps_ratio: Option<f64>,
    /// (largest - smallest) / median of that ratio.
    pub spread: Option<f64>,
    /// CPU of the server, in microseconds a request: CPU-seconds per million.
    pub cpu_us: Option<f64>,
    /// The same as a multiple of R's in the same round.
    pub cpu_ratio: Option<f64>,
    /// (largest - smallest) / median of that ratio.
    pub cpu_spread: Option<f64>,
    /// CPU of every process that takes part, in microseconds a request.
    pub cpu: BTreeMap<String, f64>,
    /// Other figures, by name; units stand last in the names.
    pub figures: BTreeMap<String, f64>,
    /// What was wrong in rounds; then there are no figures.
    pub errors: Vec<String>,
}

/// A row for each name and number of connections, in the order of their first windows.
pub fn reports(windows: &[Window]) -> Vec<RowReport> {
    let mut keys: Vec<(&'static str, u16)> = Vec::new();
    for window in windows {
        let key = (window.row, window.connections);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().map(|(name, connections)| report(name, connections, windows)).collect()
}

/// A figure that is told of a row whose rounds erred would be believed: there is none.
fn report(name: &'static str, connections: u16, windows: &[Window]) -> RowReport {
    let mine = |window: &&Window| (window.row, window.connections) == (name, connections);
    let mut row = RowReport { name: name.to_owned(), connections, ..RowReport::default() };
    let mut measured = Vec::new();
    let mut ratios = Vec::new();
    for window in windows.iter().filter(mine) {
        match (&window.outcome, plain_of(window, windows)) {
            (Err(why), _) => row.errors.push(format!("round {}: {why}", window.round)),
            (Ok(_), Err(why)) => row.errors.push(format!("round {}: R: {why}", window.round)),
            (Ok(figures), Ok(plain)) => {
                ratios.extend(
                    plain.map(|plain| {
                        (figures.rps / plain.rps, figures.server_us / plain.server_us)
                    }),
                );
                measured.push(figures);
            }
        }
    }
    if row.errors.is_empty() {
        fill(&mut row, &measured, &ratios);
    }
    row
}

/// R's figures in the same round over the same connections, if it was measured.
fn plain_of<'a>(window: &Window, windows: &'a [Window]) -> Result<Option<&'a Measured>, &'a str> {
    let key = (PLAIN, window.round, window.connections);
    let plain = windows.iter().find(|one| (one.row, one.round, one.connections) == key);
    plain.map(|plain| plain.outcome.as_ref().map_err(String::as_str)).transpose()
}

fn fill(row: &mut RowReport, measured: &[&Measured], ratios: &[(f64, f64)]) {
    let of = |value: fn(&Measured) -> f64| measured.iter().map(|one| value(one)).collect();
    row.rps = median(of(|one| one.rps));
    row.cpu_us = median(of(|one| one.server_us));
    let (rps, cpu): (Vec<f64>, Vec<f64>) = ratios.iter().copied().unzip();
    (row.rps_ratio, row.spread) = (median(rps.clone()), spread(rps));
    (row.cpu_ratio, row.cpu_spread) = (median(cpu.clone()), spread(cpu));
    row.cpu = medians(measured.iter().map(|one| &one.cpu));
    row.figures = medians(measured.iter().map(|one| &one.figures));
}

/// The median of each figure over all maps that have it.
fn medians<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, f64>>) -> BTreeMap<String, f64> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in maps.flatten() {
        values.entry(name).or_default().push(*value);
    }
    let of = |(name, values): (&str, Vec<f64>)| Some((name.to_owned(), median(values)?));
    values.into_iter().filter_map(of).collect()
}

/// The middle one; of an even number, the mean of the two in the middle. Three digits: more would
/// claim a precision that is not there.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let median =
        if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) };
    median.is_finite().then(|| rounded(median))
}

/// (largest - smallest) / median.
pub(super) fn spread(values: Vec<f64>) -> Option<f64> {
    let largest = values.iter().copied().max_by(f64::total_cmp)?;
    let smallest = values.iter().copied().min_by(f64::total_cmp)?;
    let spread = (largest - smallest) / median(values)?;
    spread.is_finite().then(|| rounded(spread))
}

/// Three digits behind the point.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(round: u16, row: &'static str, rps: f64, server_us: f64) -> Window {
        let cpu = BTreeMap::from([("edge".to_owned(), server_us)]);
        let measured = Measured { rps, server_us, cpu, ..Measured::default() };
        Window { round, connections: 64, row, outcome: Ok(measured) }
    }

    #[test]
    fn a_ratio_is_one_to_the_same_rounds_r() {
        let windows = [
            window(1, PLAIN, 100.0, 8.0),
            window(1, "sold_local", 90.0, 8.0),
            window(2, PLAIN, 50.0, 10.0),
            window(2, "sold_local", 50.0, 12.0),
            window(3, PLAIN, 200.0, 7.0),
            window(3, "sold_local", 160.0, 7.7),
        ];
        let rows = reports(&windows);
        assert_eq!(rows.len(), 2);
        let sold = &rows[1];
        assert_eq!((sold.rps_ratio, sold.spread), (Some(0.9), Some(0.222)));
        assert_eq!((sold.cpu_ratio, sold.cpu_us), (Some(1.1), Some(8.0)));
        assert_eq!((sold.rps, sold.cpu["edge"]), (Some(90.0), 8.0));
        assert_eq!((rows[0].rps_ratio, rows[0].spread), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn a_round_that_erred_takes_all_figures_of_its_row() {
        let mut windows = vec![
            window(1, PLAIN, 100.0, 8.0),
            window(1, "sold_local", 90.0, 8.0),
            window(2, PLAIN, 100.0, 8.0),
            window(2, "sold_local", 90.0, 8.0),
        ];
        windows[3].outcome = Err("7 busy".to_owned());
        let rows = reports(&windows);
        assert_eq!((rows[1].rps, rows[1].rps_ratio, rows[1].cpu_ratio), (None, None, None));
        assert_eq!(rows[1].errors, ["round 2: 7 busy"]);
        assert_eq!(rows[0].rps_ratio, Some(1.0), "R itself was measured");
    }

    #[test]
    fn without_r_in_its_round_a_row_has_no_ratio() {
        let mut windows = vec![window(1, PLAIN, 100.0, 8.0), window(1, "sold_local", 90.0, 8.0)];
        windows[0].outcome = Err("gone".to_owned());
        assert_eq!(reports(&windows)[1].errors, ["round 1: R: gone"]);
        let alone = reports(&windows[1..]);
        assert_eq!((alone[0].rps, alone[0].rps_ratio), (Some(90.0), None));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![f64::NAN]), None);
    }
}
