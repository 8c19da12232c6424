//! What slow clients cost all others: answers a second without and with thousands of connections that
//! send next to nothing, from an edge and through NGINX.

use super::error::BenchError;
use super::figures::{RowReport, median, spread};
use super::ground::Ground;
use super::measure::measure;
use super::plan::{Cell, Effort};
use super::row::{ROWS, Row};
use super::wrk::Until;
use crate::slow::SlowSockets;

/// Slow connections.
const SLOW: usize = 2_000;
/// Of those who are answered.
const CONNECTIONS: u16 = 64;
/// A slow client sends once a second, so a window here lasts so many of the usual ones.
const WINDOWS: u32 = 2;
/// What is asked in turn: a name, and the row whose load it is.
const ASKED: [(&str, &str); 2] = [("edge", "sold_local"), ("nginx", "nginx_http")];

/// Answers a second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Round {
    without: f64,
    with: f64,
}

/// Its row.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let mut row = RowReport {
        name: "slow_sockets".to_owned(),
        connections: CONNECTIONS,
        ..RowReport::default()
    };
    for (name, asked) in ASKED {
        let asked: Vec<Row> = ROWS.into_iter().filter(|row| row.name == asked).collect();
        Box::pin(ground.furnish(&asked)).await?;
        for asked in asked {
            Box::pin(rounds(ground, effort, (name, asked), &mut row)).await?;
        }
    }
    if !row.errors.is_empty() {
        row.figures.clear();
    }
    Ok(vec![row])
}

async fn rounds(
    ground: &mut Ground<'_>,
    effort: &Effort,
    (name, asked): (&'static str, Row),
    row: &mut RowReport,
) -> Result<(), BenchError> {
    let mut rounds = Vec::new();
    for number in 1..=effort.rounds {
        eprintln!("round {number}: slow connections, {name}");
        let cell = Cell { round: number, connections: CONNECTIONS, row: asked };
        let measured = Box::pin(round(ground, effort, cell)).await;
        match measured.or_else(BenchError::of_window)? {
            Ok(round) => rounds.push(round),
            Err(why) => row.errors.push(format!("round {number}: {name}: {why}")),
        }
    }
    row.figures.extend(figures(name, &rounds));
    Ok(())
}

/// Both windows; which of them comes first changes from round to round.
async fn round(
    ground: &mut Ground<'_>,
    effort: &Effort,
    cell: Cell,
) -> Result<Result<Round, String>, BenchError> {
    let (without, with) = if cell.round.is_multiple_of(2) {
        let with = Box::pin(beside_slow(ground, effort, cell)).await?;
        (Box::pin(window(ground, effort, cell)).await?, with)
    } else {
        let without = Box::pin(window(ground, effort, cell)).await?;
        (without, Box::pin(beside_slow(ground, effort, cell)).await?)
    };
    Ok(without.and_then(|without| Ok(Round { without, with: with? })))
}

async fn beside_slow(
    ground: &mut Ground<'_>,
    effort: &Effort,
    cell: Cell,
) -> Result<Result<f64, String>, BenchError> {
    let server = ground.asked(cell.row.server)?.address;
    let slow = SlowSockets::begin(&[server], SLOW);
    slow.are_open().await?;
    let window = Box::pin(window(ground, effort, cell)).await?;
    // A window beside nobody is worthless.
    slow.are_open().await?;
    Ok(window)
}

/// Answers a second, or what was wrong.
async fn window(
    ground: &mut Ground<'_>,
    effort: &Effort,
    cell: Cell,
) -> Result<Result<f64, String>, BenchError> {
    let window = measure(ground, cell, Until::Time(effort.window * WINDOWS)).await?;
    Ok(window.outcome.map(|measured| measured.rps))
}

/// Medians of the rounds, and of the ratio within each.
fn figures(name: &str, rounds: &[Round]) -> Vec<(String, f64)> {
    let of = |value: fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(value).collect() };
    let ratio = |round: &Round| round.with / round.without;
    let figures = [
        ("rps", median(of(|round| round.without))),
        ("slow_rps", median(of(|round| round.with))),
        ("ratio", median(of(ratio))),
        ("ratio_spread", spread(of(ratio))),
    ];
    let named = |(figure, value): (&str, Option<f64>)| Some((format!("{name}_{figure}"), value?));
    figures.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_one_within_a_round() {
        let round = |without, with| Round { without, with };
        let rounds = [round(100.0, 95.0), round(50.0, 49.0), round(80.0, 72.0)];
        let ratio = figures("edge", &rounds).into_iter().find(|(name, _)| name == "edge_ratio");
        assert_eq!(ratio, Some(("edge_ratio".to_owned(), 0.95)));
        assert!(figures("edge", &[]).is_empty());
    }

    #[test]
    fn every_load_that_is_asked_for_is_a_row() {
        for (_, asked) in ASKED {
            assert!(ROWS.iter().any(|row| row.name == asked), "{asked}");
        }
    }
}
