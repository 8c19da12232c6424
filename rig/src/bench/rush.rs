//! The rush: a stock of a thousand, and a million users from its opening on. Once with the load that
//! R gets, and once with rig's own users, whose every answer is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::event::Confirm;

use super::cpu;
use super::error::BenchError;
use super::figures::{Measured, RowReport, Window, median, reports};
use super::ground::Ground;
use super::measure::{Looked, Scope, Work, look, measure, misread};
use super::memory;
use super::plan::{Cell, Effort};
use super::row::{PLAIN, ROWS};
use super::wrk::{Load, Until};
use crate::check::{History, SETTLE_WITHIN};
use crate::rush::{Display, Plan, drive};

/// Coupons.
pub(super) const STOCK: u64 = 1_000;
/// Connections.
const CONNECTIONS: u16 = 256;
/// The name of the row with rig's own users.
const JUDGED: &str = "rush_judged";

/// Both kinds.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let mut windows = Vec::new();
    for round in 1..=effort.rounds {
        let plain = Cell { round, connections: CONNECTIONS, row: ROWS[0] };
        let users = u64::from(effort.users);
        windows.push(measure(ground, plain, Until::Requests(users)).await?);
        let name = format!("bench-rush-{round}");
        let outcome = Box::pin(rush(ground, &name, CONNECTIONS, Until::Requests(users))).await;
        let outcome = outcome.or_else(BenchError::of_window)?;
        windows.push(Window { round, connections: CONNECTIONS, row: "rush", outcome });
    }
    let mut rows = reports(&windows);
    rows.retain(|row| row.name != PLAIN);
    rows.push(Box::pin(judged(ground, effort.users)).await?);
    Ok(rows)
}

/// One rush on the edge, from its opening on.
pub(super) async fn rush(
    ground: &mut Ground<'_>,
    name: &str,
    connections: u16,
    until: Until,
) -> Result<Result<Measured, String>, BenchError> {
    let carried = ground.create(name, STOCK, Confirm::Replica).await?;
    let edge = ground.edge()?;
    let load = Load::claims(
        vec![edge.address],
        vec![carried.event.clone()],
        connections,
        until,
        ground.crowd(),
    );
    let scope = Scope {
        work: Work::Everything,
        shards: vec![carried.shard],
        proxy: None,
        compared: vec![edge],
    };
    let looked = look(ground, &scope, &load).await?;
    let rows = ground.sold(&carried.event).await?;
    Ok(match wrong(&looked).or(rows.wrong(STOCK)) {
        Some(why) => Err(why),
        None => Ok(looked.measured()),
    })
}

/// As many wins as there are units, and losses.
fn wrong(looked: &Looked) -> Option<String> {
    if let Some(why) = misread(&["issued", "sold_out"], looked) {
        return Some(why);
    }
    let counted = looked.counted.as_ref();
    let wins = counted.and_then(|counted| counted.answered.get("issued")).copied().unwrap_or(0);
    (wins != STOCK).then(|| format!("{wins} wins were told of {STOCK} units"))
}

/// A rush of rig's own users on an edge of its own, judged by the checker.
async fn judged(ground: &mut Ground<'_>, users: u32) -> Result<RowReport, BenchError> {
    let edge = ground.fresh_edge().await?;
    let history = ground.status().directory.join("history-bench");
    let plan = Plan::new(users, "bench-judged".parse()?, STOCK, history.clone());
    let mut rush = plan.prepare(&ground.handle()).await?;
    rush.addresses = vec![edge.address];
    let status = ground.status();
    let before = cpu::times(status.parts.iter());
    Box::pin(drive(rush, &mut ground.sources.mysql, Display::Silent)).await?;
    let spent = cpu::spent(&before, &cpu::times(status.parts.iter()));
    let read = tokio::task::spawn_blocking(move || History::read(&history));
    let silent = |why: String| BenchError::Silent(why);
    let history = read.await.map_err(|error| silent(error.to_string()))?;
    let history = history.map_err(|error| silent(error.to_string()))?;
    let judge = ground.sources.judge(&history, SETTLE_WITHIN);
    let mut verdict = Box::pin(judge).await?;
    verdict.demand_answers(&history);
    let mut row = RowReport {
        name: JUDGED.to_owned(),
        connections: CONNECTIONS,
        rps: median(vec![history.timing.claims_per_s()]),
        ..RowReport::default()
    };
    let most = edge.pid.and_then(memory::of).map_or(0, |memory| memory.most);
    ground.end(&edge).await?;
    if !verdict.passes() {
        row.rps = None;
        row.errors = vec![verdict.to_string()];
        return Ok(row);
    }
    let answers = history.timing.answers();
    let ms =
        |quantile| Duration::from_micros(answers.value_at_quantile(quantile)).as_secs_f64() * 1e3;
    row.figures = BTreeMap::from([
        ("users".to_owned(), f64::from(users)),
        ("p50_ms".to_owned(), ms(0.5)),
        ("p99_ms".to_owned(), ms(0.99)),
        ("edge_memory_mb".to_owned(), memory::megabytes(most)),
        ("servers_cpu_s".to_owned(), spent.values().sum::<f64>() / 1e6),
        ("edge_cpu_s".to_owned(), spent.get(&edge.name).copied().unwrap_or(0.0) / 1e6),
    ]);
    Ok(row)
}
