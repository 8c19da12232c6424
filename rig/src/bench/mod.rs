//! The bench: Firstcome beside what bounds it and what others do, in one run.
//!
//! - `row`, `selection`, `plan`: what is measured, in which order; pure.
//! - `ground`: the stack, the servers to compare with, the events.
//! - `measure`: one window of load (`wrk`) and what it cost every process (`cpu`).
//! - `persister`, `rush`, `steady`, `others`, `naive`, `growth`, `recording`, `idle`, `reconcile`,
//!   `slow_sockets`: what is measured in its own way.
//! - `figures`, `goals`, `report`, `table`: what comes of the windows; pure.

mod counters;
mod cpu;
mod error;
mod figures;
mod goals;
mod ground;
mod growth;
mod idle;
mod machine;
mod measure;
mod memory;
mod naive;
mod open_loop;
mod others;
mod persister;
mod plan;
mod reconcile;
mod recording;
mod report;
mod row;
mod rush;
mod selection;
mod slow_sockets;
mod sold;
mod steady;
mod table;
pub mod wrk;

pub use error::BenchError;
pub use figures::{Measured, RowReport, Window, reports};
pub use goals::{Bound, GOALS, Goal, Standing, standings};
pub use others::{VERSIONS, Version};
pub use plan::Effort;
pub use report::Report;
pub use row::{Crowded, ROWS, Row, Sale, Server};
pub use selection::{Chapter, Selection};
pub use table::table;

use crate::stack::Stack;
use ground::Ground;
use measure::measure;
use plan::{Cell, cells};
use wrk::Until;

/// What the chapters ask for: R, sold out from memory, and wins.
const CHAPTERS_ASK: [&str; 3] = ["plain", "sold_local", "win_replica"];

/// Measures on a stack that nobody else uses.
pub async fn run(
    stack: &Stack,
    selection: &Selection,
    effort: &Effort,
) -> Result<Report, BenchError> {
    let mut ground = Box::pin(Ground::prepare(stack)).await?;
    let rows = Box::pin(rows(&mut ground, selection, effort)).await?;
    Ok(Report {
        machine: machine::machine(),
        versions: machine::versions(&stack.status()).await,
        rounds: effort.rounds,
        window_s: effort.window.as_secs_f64(),
        goals: standings(&rows),
        rows,
    })
}

/// All rows. The persister's comes first, for its loaders read the whole topic; the row about Redis
/// tells what loads have shown.
async fn rows(
    ground: &mut Ground<'_>,
    selection: &Selection,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let mut persister = Vec::new();
    if selection.has(Chapter::Persister) {
        persister =
            or_erred(Chapter::Persister.name(), Box::pin(persister::rows(ground, effort)).await);
    }
    let furnished = furnished(selection);
    Box::pin(ground.furnish(&furnished)).await?;
    warm_up(ground, &furnished, effort).await?;
    let mut rows = Vec::new();
    if selection.has_loads() {
        rows = loads(ground, &selection.rows, effort).await;
    }
    for &chapter in &selection.chapters {
        eprintln!("{}", chapter.name());
        let measured = match chapter {
            Chapter::Persister => Ok(std::mem::take(&mut persister)),
            Chapter::Rush => Box::pin(rush::rows(ground, effort)).await,
            Chapter::Steady => Box::pin(steady::rows(ground, effort)).await,
            Chapter::RedisPerClaim => Box::pin(naive::rows(ground, effort, &rows)).await,
            Chapter::Growth => Box::pin(growth::rows(ground, effort)).await,
            Chapter::Metrics => Box::pin(recording::rows(ground, effort)).await,
            Chapter::Idle => Box::pin(idle::rows(ground)).await,
            Chapter::Reconcile => Box::pin(reconcile::rows(ground, effort)).await,
            Chapter::SlowSockets => Box::pin(slow_sockets::rows(ground, effort)).await,
        };
        rows.extend(or_erred(chapter.name(), measured));
    }
    if !selection.versions.is_empty() {
        let measured = Box::pin(others::rows(ground, effort, &selection.versions)).await;
        rows.extend(or_erred("versions", measured));
    }
    Ok(rows)
}

/// What was measured so far is not lost with a chapter that cannot be.
fn or_erred(name: &str, measured: Result<Vec<RowReport>, BenchError>) -> Vec<RowReport> {
    measured.unwrap_or_else(|error| {
        let name = name.to_owned();
        vec![RowReport { name, errors: vec![error.to_string()], ..RowReport::default() }]
    })
}

/// The rows whose servers and events are needed, in the order of a round.
fn furnished(selection: &Selection) -> Vec<Row> {
    let beyond_loads = !selection.chapters.is_empty() || !selection.versions.is_empty();
    let asked = |row: &Row| beyond_loads && CHAPTERS_ASK.contains(&row.name);
    ROWS.into_iter().filter(|row| selection.rows.contains(row) || asked(row)).collect()
}

async fn loads(ground: &mut Ground<'_>, rows: &[Row], effort: &Effort) -> Vec<RowReport> {
    let cells = cells(rows, effort);
    let mut windows = Vec::with_capacity(cells.len());
    for (done, cell) in cells.iter().enumerate() {
        eprintln!("{:>3}/{} {}", done + 1, cells.len(), told(cell));
        let measured = measure(ground, *cell, Until::Time(effort.window)).await;
        windows.push(measured.unwrap_or_else(|error| Window::erred(*cell, &error)));
    }
    reports(&windows)
}

/// A short window of each row that nobody counts: Kafka's JVMs compile, hashes and pages are made.
async fn warm_up(ground: &mut Ground<'_>, rows: &[Row], effort: &Effort) -> Result<(), BenchError> {
    let connections = effort.connections.first().copied().unwrap_or(1);
    for &row in rows {
        let cell = Cell { round: 0, connections, row };
        measure(ground, cell, Until::Time(effort.warm_up())).await?;
    }
    Ok(())
}

fn told(Cell { round, connections, row }: &Cell) -> String {
    format!("round {round}, {connections} connections: {}", row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_that_cannot_be_measured_is_a_row_without_figures() {
        let rows = or_erred("idle", Err(BenchError::Silent("the edge says nothing".to_owned())));
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].name.as_str(), &rows[0].rps), ("idle", &None));
        assert_eq!(rows[0].errors, ["the edge says nothing"]);
        let report = Report { rows, ..Report::default() };
        assert!(report.erred(), "so the exit code is 1");
    }
}
