//! Reads the winners of events that are sold out, a page at a time.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use contract::keys::EventKeys;
use links::redis::{Cluster, RedisError, Reply, Script};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, info};

use super::winners::{EventWinners, Hashes};
use crate::metrics::WinnersMetrics;

static SCRIPT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../../lua/winners.lua")));

/// Winners of one page, about. A page of 1,000 blocks Redis for up to 3.7 ms (measured on 7.0).
const PAGE: &str = "500";
/// Events that are read at a time.
const MAX_READINGS: usize = 16;
/// Pages of one event, at most: 16 million winners.
const MAX_PAGES: usize = 32_768;

/// One page.
#[derive(Debug, PartialEq, Eq)]
struct Page<'a> {
    epoch: u64,
    sequence: u64,
    cursor: &'a str,
    users: Vec<&'a str>,
}

/// Why a reading gave nothing.
#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("the shard may not answer for the event, or not any more")]
    Fenced,
    #[error("a page is not what the script returns")]
    Shape,
    #[error("more than {MAX_PAGES} pages")]
    TooMany,
}

/// Reads the winners of whatever event is `wanted`, until nobody can want any more.
pub async fn run(
    cluster: Cluster,
    mut wanted: mpsc::Receiver<Arc<EventWinners>>,
    metrics: WinnersMetrics,
) {
    let mut readings = JoinSet::new();
    loop {
        tokio::select! {
            winners = wanted.recv(), if readings.len() < MAX_READINGS => match winners {
                Some(winners) => readings.spawn(read(cluster.clone(), winners, metrics.clone())),
                None => return,
            },
            Some(read) = readings.join_next() => {
                read.expect("a reading neither panics nor is aborted");
                continue;
            }
        };
    }
}

async fn read(cluster: Cluster, winners: Arc<EventWinners>, metrics: WinnersMetrics) {
    let began = Instant::now();
    let result = read_pages(&cluster, &winners).await;
    metrics.read_seconds.record(began.elapsed().as_secs_f64());
    match &result {
        Ok((epoch, sequence, users)) => {
            let (event, users) = (winners.event(), users.len());
            debug!(%event, epoch, sequence, users, "winners read");
        }
        Err(error) => info!(event = %winners.event(), %error, "winners not read"),
    }
    winners.was_read(began, result.ok());
}

async fn read_pages(
    cluster: &Cluster,
    winners: &EventWinners,
) -> Result<(u64, u64, Hashes), NotRead> {
    let slot = Cluster::slot_of(winners.event());
    let keys = EventKeys::new(winners.event());
    let mut users = Hashes::default();
    let mut first = None;
    let mut cursor = "0".to_owned();
    for _ in 0..MAX_PAGES {
        let keys = [keys.state.as_str(), keys.wins.as_str()];
        let reply = cluster.run_script(slot, &SCRIPT, &keys, &[&cursor, PAGE]).await?;
        let page = parse(&reply)?.ok_or(NotRead::Fenced)?;
        users.extend(page.users.iter().map(|user| winners.hash(user)));
        // Whoever wins after the first page may be missed by the others.
        let (epoch, sequence) = *first.get_or_insert((page.epoch, page.sequence));
        if page.epoch != epoch {
            return Err(NotRead::Fenced);
        }
        if page.cursor == "0" {
            return Ok((epoch, sequence, users));
        }
        cursor = page.cursor.to_owned();
    }
    Err(NotRead::TooMany)
}

fn parse(reply: &Reply) -> Result<Option<Page<'_>>, NotRead> {
    let number = |reply: &Reply| reply.integer().and_then(|number| number.try_into().ok());
    match reply.items().ok_or(NotRead::Shape)? {
        [] => Ok(None),
        [epoch, sequence, cursor, users @ ..] => Ok(Some(Page {
            epoch: number(epoch).ok_or(NotRead::Shape)?,
            sequence: number(sequence).ok_or(NotRead::Shape)?,
            cursor: cursor.text().ok_or(NotRead::Shape)?,
            users: users.iter().map(Reply::text).collect::<Option<_>>().ok_or(NotRead::Shape)?,
        })),
        _ => Err(NotRead::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_the_script_returns_them() {
        let text = |text: &'static str| Reply::Text(text.into());
        assert_eq!(parse(&Reply::Array(vec![])).unwrap(), None, "fenced");
        let reply = Reply::Array(vec![
            Reply::Integer(2),
            Reply::Integer(7),
            text("18446744073709551615"),
            text("ann"),
            text("bob"),
        ]);
        let page = parse(&reply).unwrap().unwrap();
        let cursor = "18446744073709551615";
        assert_eq!(page, Page { epoch: 2, sequence: 7, cursor, users: vec!["ann", "bob"] });
        for bad in [Reply::Nil, Reply::Array(vec![Reply::Integer(1)])] {
            assert!(matches!(parse(&bad), Err(NotRead::Shape)));
        }
    }
}
