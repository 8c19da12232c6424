//! What recording metrics costs: an edge and a persister that record, beside such as do not, in turn.

use std::collections::BTreeMap;

use contract::event::Confirm;

use super::error::BenchError;
use super::figures::{RowReport, median, spread};
use super::ground::Ground;
use super::measure::{Scope, Work, look};
use super::persister::{PERSISTER, produce, watch};
use super::plan::Effort;
use super::row::Sale;
use super::wrk::{Load, Until};
use crate::stack::{Action, NextStart, PartStatus};

/// Connections.
const CONNECTIONS: u16 = 64;
/// Nothing is recorded.
const OFF: (&str, &str) = ("FIRSTCOME_METRICS", "off");

/// CPU of one round, in microseconds a request or a row.
#[derive(Debug, Clone, Copy)]
struct Pair {
    on: f64,
    off: f64,
}

impl Pair {
    /// What recording adds, in percent.
    fn percent(&self) -> f64 {
        (self.on / self.off - 1.0) * 100.0
    }
}

/// Its row.
pub(super) async fn rows(
    ground: &mut Ground<'_>,
    effort: &Effort,
) -> Result<Vec<RowReport>, BenchError> {
    let edges = [ground.edge_with(&[]).await?, ground.edge_with(&[OFF]).await?];
    let (mut answers, mut landed, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    // The first one warms up.
    for round in 0..=effort.rounds {
        eprintln!("round {round}: metrics on and off");
        match Box::pin(asked(ground, effort, &edges, round)).await? {
            Ok(pair) if round > 0 => answers.push(pair),
            Ok(_) => {}
            Err(why) => errors.push(format!("round {round}: {why}")),
        }
        if round > 0 {
            landed.push(Box::pin(read(ground, effort.records, round)).await?);
        }
    }
    for edge in &edges {
        ground.end(edge).await?;
    }
    Ok(vec![report(&answers, &landed, errors)])
}

/// Sold-out answers from memory, the cheapest there are: whatever is recorded shows most there. Who
/// comes first changes.
async fn asked(
    ground: &mut Ground<'_>,
    effort: &Effort,
    edges: &[PartStatus; 2],
    round: u16,
) -> Result<Result<Pair, String>, BenchError> {
    let mut us = [0.0; 2];
    let order = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
    for which in order {
        match Box::pin(window(ground, effort, &edges[which])).await? {
            Ok(spent) => us[which] = spent,
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(Pair { on: us[0], off: us[1] }))
}

async fn window(
    ground: &mut Ground<'_>,
    effort: &Effort,
    edge: &PartStatus,
) -> Result<Result<f64, String>, BenchError> {
    let sold = ground.event(Sale::SoldOut).cloned();
    let Some(sold) = sold else {
        return Ok(Err("nothing is sold out".to_owned()));
    };
    let until = Until::Time(effort.window);
    let load =
        Load::claims(vec![edge.address], vec![sold.event], CONNECTIONS, until, ground.crowd());
    let scope = Scope {
        work: Work::Redis,
        shards: vec![sold.shard],
        proxy: None,
        compared: vec![edge.clone()],
    };
    // Boxed: futures so deep within each other are beyond the compiler.
    let looked = Box::pin(look(ground, &scope, &load)).await?;
    if let Some(broken) = looked.seen.broken() {
        return Ok(Err(broken));
    }
    // One of the two counts nothing: wrk's own word has to do.
    if looked.seen.status != looked.seen.requests {
        let (refusals, all) = (looked.seen.status, looked.seen.requests);
        return Ok(Err(format!("{refusals} of {all} answers were refusals")));
    }
    Ok(Ok(looked.server_us / looked.seen.requests as f64))
}

/// Rows from a full topic.
async fn read(ground: &mut Ground<'_>, records: u32, round: u16) -> Result<Pair, BenchError> {
    let mut us = [0.0; 2];
    let order = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
    for which in order {
        let name = format!("bench-recorded-{round}-{which}");
        let carried = ground.create(&name, u64::from(records), Confirm::Replica).await?;
        ground.settled().await?;
        let handle = ground.handle();
        handle.act(PERSISTER, Action::Stop).await?;
        produce(ground, &carried.event, records).await?;
        let environment = vec![(OFF.0.to_owned(), OFF.1.to_owned())];
        let off = NextStart { program: None, environment };
        handle.next_starts(PERSISTER, if which == 1 { vec![off] } else { Vec::new() }).await?;
        handle.act(PERSISTER, Action::Start).await?;
        us[which] = watch(ground, records).await?.1;
    }
    // As it was.
    ground.handle().act(PERSISTER, Action::Restart).await?;
    Ok(Pair { on: us[0], off: us[1] })
}

fn report(answers: &[Pair], landed: &[Pair], errors: Vec<String>) -> RowReport {
    let mut row = RowReport {
        name: "metrics".to_owned(),
        connections: CONNECTIONS,
        errors,
        ..RowReport::default()
    };
    if !row.errors.is_empty() {
        return row;
    }
    for (who, pairs) in [("edge", answers), ("persister", landed)] {
        let of = |value: fn(&Pair) -> f64| -> Vec<f64> { pairs.iter().map(value).collect() };
        let figures = [
            ("percent", median(of(Pair::percent))),
            ("on_us", median(of(|pair| pair.on))),
            ("off_us", median(of(|pair| pair.off))),
            ("spread", spread(of(|pair| pair.on / pair.off))),
        ];
        let named =
            figures.into_iter().filter_map(|(name, value)| Some((format!("{who}_{name}"), value?)));
        row.figures.extend(named.collect::<BTreeMap<_, _>>());
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_recording_adds_is_told_of_the_same_round() {
        let answers = [Pair { on: 10.3, off: 10.0 }, Pair { on: 20.2, off: 20.0 }];
        let row = report(&answers, &[Pair { on: 9.0, off: 10.0 }], Vec::new());
        assert_eq!(row.figures["edge_percent"], 2.0);
        assert_eq!(row.figures["persister_percent"], -10.0);
        assert_eq!(row.figures["edge_off_us"], 15.0);
    }

    #[test]
    fn a_round_that_erred_takes_all_figures() {
        let pair = Pair { on: 1.0, off: 1.0 };
        let row = report(&[pair], &[pair], vec!["round 1: 7 timeouts".to_owned()]);
        assert!(row.figures.is_empty(), "{row:?}");
    }
}
