//! The bench: Firstcome beside what bounds it and what others do, in one run.
//!
//! - `row`, `plan`: what is measured, in which order; pure.
//! - `ground`: the stack, the servers to compare with, the events.
//! - `measure`: one window of load (`wrk`) and what it cost every process (`cpu`).
//! - `figures`, `goals`, `report`, `table`: what comes of the windows; pure.

mod counters;
mod cpu;
mod error;
mod figures;
mod goals;
mod ground;
mod machine;
mod measure;
mod plan;
mod report;
mod row;
mod table;
pub mod wrk;

pub use error::BenchError;
pub use figures::{Measured, RowReport, Window, reports};
pub use goals::{Bound, GOALS, Goal, Standing, standings};
pub use plan::Effort;
pub use report::Report;
pub use row::{Crowded, ROWS, Row, Sale, Server, chosen};
pub use table::table;

use crate::stack::Stack;
use ground::Ground;
use measure::measure;
use plan::{Cell, cells};
use wrk::Until;

/// Measures rows on a stack that nobody else uses.
pub async fn run(stack: &Stack, rows: &[Row], effort: &Effort) -> Result<Report, BenchError> {
    let mut ground = Box::pin(Ground::prepare(stack, rows)).await?;
    warm_up(&mut ground, rows, effort).await?;
    let cells = cells(rows, effort);
    let mut windows = Vec::with_capacity(cells.len());
    for (done, cell) in cells.iter().enumerate() {
        eprintln!("{:>3}/{} {}", done + 1, cells.len(), told(cell));
        windows.push(measure(&mut ground, *cell, Until::Time(effort.window)).await?);
    }
    let rows = reports(&windows);
    Ok(Report {
        machine: machine::machine(),
        versions: machine::versions(&stack.status()).await,
        rounds: effort.rounds,
        window_s: effort.window.as_secs_f64(),
        goals: standings(&rows),
        rows,
    })
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
