//! What grows with what: wins with the number of events and of edges, and the cost of a sold-out
//! answer with the number of winners that an edge remembers.

use contract::event::Confirm;
use contract::ids::EventId;
use contract::keys::EventKeys;

use super::error::BenchError;
use super::figures::{Measured, RowReport, Window, reports};
use super::ground::{Carried, Ground};
use super::measure::{Looked, Scope, Work, look, measure, misread};
use super::memory;
use super::plan::{Cell, Effort};
use super::row::{PLAIN, ROWS};
use super::wrk::{Load, Until};
use crate::faults::command::redis_cli;
use crate::stack::PartStatus;

/// Connections.
const CONNECTIONS: u16 = 256;
/// Names that are tried for an event on another master than those before it; each has a third.
const NAMES_TRIED: u16 = 64;
/// Rows by number of events.
const BY_EVENTS: [&str; 3] = ["growth_1_event", "growth_2_events", "growth_3_events"];
/// Rows by number of winners.
const BY_WINNERS: [(&str, u64); 3] = [
    ("growth_1k_winners", 1_000),
    ("growth_100k_winners", 100_000),
    ("growth_1m_winners", 1_000_000),
];

/// Its rows.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let events = on_different_masters(ground).await?;
    let mut edges = vec![ground.edge()?, ground.fresh_edge().await?];
    let mut windows = Vec::new();
    for round in 1..=effort.rounds {
        eprintln!("round {round}: growth");
        let plain = Cell { round, connections: CONNECTIONS, row: ROWS[0] };
        windows.push(measure(ground, plain, Until::Time(effort.window)).await?);
        for (count, row) in (1..).zip(BY_EVENTS) {
            let events = events.iter().take(count).collect::<Vec<_>>();
            let outcome = Box::pin(win(ground, effort, &events, &edges[..1])).await;
            let outcome = outcome.or_else(BenchError::of_window)?;
            windows.push(Window { round, connections: CONNECTIONS, row, outcome });
        }
        let outcome = Box::pin(win(ground, effort, &[&events[0]], &edges)).await;
        let outcome = outcome.or_else(BenchError::of_window)?;
        windows.push(Window { round, connections: CONNECTIONS, row: "growth_2_edges", outcome });
    }
    if let Some(second) = edges.pop() {
        ground.end(&second).await?;
    }
    let mut rows = reports(&windows);
    for (row, winners) in BY_WINNERS {
        if winners <= effort.winners {
            rows.extend(reports(&Box::pin(remembering(ground, effort, row, winners)).await?));
        }
    }
    rows.retain(|row| row.name != PLAIN);
    Ok(rows)
}

/// Events whose stock never ends, each on another master.
async fn on_different_masters(ground: &Ground<'_>) -> Result<Vec<Carried>, BenchError> {
    let mut found: Vec<Carried> = Vec::new();
    for number in 0..NAMES_TRIED {
        let event: EventId = format!("bench-grow-{number}").parse()?;
        let shard = ground.shard(&event).await?;
        if found.iter().all(|carried| carried.shard != shard) {
            found.push(
                ground.create(event.as_str(), super::ground::ENDLESS, Confirm::Replica).await?,
            );
        }
        if found.len() == BY_EVENTS.len() {
            return Ok(found);
        }
    }
    Err(BenchError::Silent(format!("no names for {} masters", BY_EVENTS.len())))
}

async fn win(
    ground: &mut Ground<'_>,
    effort: &Effort,
    events: &[&Carried],
    edges: &[PartStatus],
) -> Result<Result<Measured, String>, BenchError> {
    let until = Until::Time(effort.window);
    let targets = edges.iter().map(|edge| edge.address).collect();
    let asked = events.iter().map(|carried| carried.event.clone()).collect();
    let load = Load::claims(targets, asked, CONNECTIONS, until, ground.crowd());
    let scope = Scope {
        work: Work::Everything,
        shards: events.iter().map(|carried| carried.shard.clone()).collect(),
        proxy: None,
        compared: edges.to_vec(),
    };
    let looked = look(ground, &scope, &load).await?;
    Ok(only(looked, "issued"))
}

/// R and a sold-out event with so many winners, on an edge of its own.
async fn remembering(
    ground: &mut Ground<'_>,
    effort: &Effort,
    row: &'static str,
    winners: u64,
) -> Result<Vec<Window>, BenchError> {
    eprintln!("{row}: {winners} winners");
    let carried = ground.create(&row.replace('_', "-"), winners, Confirm::Replica).await?;
    sell_out(ground, &carried, winners).await?;
    let edge = ground.fresh_edge().await?;
    let before = edge.pid.and_then(memory::of).map_or(0, |memory| memory.resident);
    let key = EventKeys::new(&carried.event).wins;
    let status = ground.status();
    let master = status.part(&carried.shard.master)?.address;
    let bytes = redis_cli(master, &["MEMORY", "USAGE", &key, "SAMPLES", "0"]).await?;
    let redis_bytes = bytes.trim().parse::<f64>().unwrap_or(0.0) / winners as f64;
    let mut windows = Vec::new();
    // The first window reads the winners, and is not counted.
    for round in 0..=effort.rounds {
        let plain = Cell { round, connections: CONNECTIONS, row: ROWS[0] };
        let plain = measure(ground, plain, Until::Time(effort.window)).await?;
        let outcome = Box::pin(ask(ground, effort, &carried, &edge)).await;
        let mut outcome = outcome.or_else(BenchError::of_window)?;
        let after = edge.pid.and_then(memory::of).map_or(0, |memory| memory.resident);
        if let Ok(measured) = &mut outcome {
            let grown = after.saturating_sub(before) as f64 / winners as f64;
            measured.figures.extend([
                ("redis_bytes_a_winner".to_owned(), redis_bytes),
                ("edge_bytes_a_winner_at_most".to_owned(), grown),
            ]);
        }
        if round > 0 {
            windows.push(Window { row: PLAIN, ..plain });
            windows.push(Window { round, connections: CONNECTIONS, row, outcome });
        }
    }
    ground.end(&edge).await?;
    Ok(windows)
}

pub(super) async fn sell_out(
    ground: &mut Ground<'_>,
    carried: &Carried,
    winners: u64,
) -> Result<(), BenchError> {
    let edge = ground.edge()?;
    // Threads are not equally fast: the fastest one ends it.
    let until = Until::Requests(winners + winners / 2 + 10_000);
    let (targets, asked) = (vec![edge.address], vec![carried.event.clone()]);
    let load = Load::claims(targets, asked, CONNECTIONS, until, ground.crowd());
    load.run(&ground.status().directory).await?;
    ground.settled().await
}

async fn ask(
    ground: &mut Ground<'_>,
    effort: &Effort,
    carried: &Carried,
    edge: &PartStatus,
) -> Result<Result<Measured, String>, BenchError> {
    let until = Until::Time(effort.window);
    let (targets, asked) = (vec![edge.address], vec![carried.event.clone()]);
    let load = Load::claims(targets, asked, CONNECTIONS, until, ground.crowd());
    let scope = Scope {
        work: Work::Redis,
        shards: vec![carried.shard.clone()],
        proxy: None,
        compared: vec![edge.clone()],
    };
    let looked = look(ground, &scope, &load).await?;
    Ok(only(looked, "sold_out"))
}

/// Its figures, if every answer had the code that was meant.
fn only(looked: Looked, code: &str) -> Result<Measured, String> {
    match misread(&[code], &looked) {
        Some(why) => Err(why),
        None => Ok(looked.measured()),
    }
}
