//! Latency at a fixed rate: R, sold out from memory, and wins.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::error::BenchError;
use super::figures::{RowReport, median};
use super::ground::Ground;
use super::open_loop::OpenLoop;
use super::plan::Effort;
use super::row::{Sale, Server};

/// Requests a second.
const PER_S: u32 = 20_000;
/// Connections: so many that an answer is there before the next request is due.
pub(super) const CONNECTIONS: u16 = 128;

/// What is asked in turn: a name, who, for what, and the right status.
const ASKED: [(&str, Server, Sale, u16); 3] = [
    ("plain", Server::Plain, Sale::SoldOut, 200),
    ("sold", Server::Edge, Sale::SoldOut, 409),
    ("win", Server::Edge, Sale::Endless, 200),
];

/// Its row.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let mut rounds = Vec::new();
    let mut errors = Vec::new();
    for round in 1..=effort.rounds {
        let mut figures = BTreeMap::new();
        for (name, server, sale, status) in ASKED {
            match Box::pin(latencies(ground, effort, (server, sale, status))).await? {
                Ok(latencies) => figures.extend(percentiles(name, &latencies)),
                Err(why) => errors.push(format!("round {round}: {name}: {why}")),
            }
        }
        rounds.push(figures);
    }
    Ok(vec![report(&rounds, errors)])
}

async fn latencies(
    ground: &mut Ground<'_>,
    effort: &Effort,
    (server, sale, status): (Server, Sale, u16),
) -> Result<Result<Histogram<u64>, String>, BenchError> {
    let event = match ground.event(sale) {
        Some(carried) => carried.event.clone(),
        None => "bench-sold".parse()?,
    };
    let open_loop = OpenLoop {
        target: ground.asked(server)?.address,
        event,
        crowd: ground.crowd(),
        per_s: PER_S,
        connections: CONNECTIONS,
        lasts: effort.window,
        status,
    };
    let run = tokio::task::spawn_blocking(move || open_loop.run()).await;
    if sale != Sale::SoldOut {
        ground.settled().await?;
    }
    Ok(run.unwrap_or_else(|error| Err(error.to_string())))
}

fn percentiles(name: &str, latencies: &Histogram<u64>) -> Vec<(String, f64)> {
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)]
        .map(|(word, quantile)| (format!("{name}_{word}_ms"), at(quantile)))
        .into()
}

/// Medians of the rounds, and of the ratios to R's in the same round.
fn report(rounds: &[BTreeMap<String, f64>], errors: Vec<String>) -> RowReport {
    let mut row = RowReport {
        name: "steady_20k".to_owned(),
        connections: CONNECTIONS,
        errors,
        ..RowReport::default()
    };
    if !row.errors.is_empty() {
        return row;
    }
    let names = rounds.iter().flat_map(BTreeMap::keys).cloned();
    for name in names {
        let values = rounds.iter().filter_map(|round| round.get(&name).copied());
        row.figures.extend(median(values.collect()).map(|median| (name, median)));
    }
    let ratio = |round: &BTreeMap<String, f64>| {
        Some(round.get("sold_p99_ms")? / round.get("plain_p99_ms")?)
    };
    let ratio = median(rounds.iter().filter_map(ratio).collect());
    row.figures.extend(ratio.map(|ratio| ("sold_p99_ratio".to_owned(), ratio)));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(plain: f64, sold: f64) -> BTreeMap<String, f64> {
        let pairs = [("plain_p99_ms", plain), ("sold_p99_ms", sold)];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[test]
    fn the_ratio_is_one_to_the_same_rounds_r() {
        let row = report(&[round(1.0, 1.2), round(2.0, 2.0), round(1.0, 1.1)], Vec::new());
        assert_eq!((row.figures["sold_p99_ms"], row.figures["sold_p99_ratio"]), (1.2, 1.1));
    }

    #[test]
    fn a_round_that_erred_takes_all_figures() {
        let row = report(&[round(1.0, 1.2)], vec!["round 1: win: status 503".to_owned()]);
        assert!(row.figures.is_empty(), "{row:?}");
    }
}
