//! The edges, by the probes that each of them writes into the directory about once a second: which
//! there are, and whether they and this build understand each other.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use contract::directory::{Entry, Probe, decode};
use contract::topics::DIRECTORY;
use links::kafka::{Bounds, Fetched, Kafka, KafkaError, Partition};
use tokio::time::{Instant, timeout};

use super::build::Build;
use super::clocks::{self, Asked, Asking};
use super::event::now_ms;
use super::line::Line;

const EDGES: &str = "edges";
/// An edge that writes nothing for so long ended, or does not reach Kafka. That it wrote is seen by
/// where the directory ends, not by its clock.
const WATCH: Duration = Duration::from_secs(5);
/// A probe may be on its way to Kafka for so long, in milliseconds.
const SENDING_MS: u64 = 2_000;
/// For the whole look, where brokers hang.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
/// One that wrote within a day, by its clock, and is silent now is told of; its record stays for ever.
const RECENT_MS: u64 = 24 * 60 * 60 * 1_000;
/// About the most bytes of one fetch.
const FETCH_BYTES: i32 = 1024 * 1024;
/// How long a broker may wait for something to come.
const FETCH_WAIT_MS: u32 = 200;
/// Tries to find the directory's leader.
const TRIES: u32 = 3;
/// Fetches of one look: the directory is compacted to some MiB.
const MOST_FETCHES: usize = 100;

/// An edge that wrote a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    /// Its last one.
    probe: Probe,
    /// When it sent that, by its clock, in Unix milliseconds.
    sent_ms: u64,
    /// What its clock said while we watched; None: it wrote nothing.
    watched: Option<Asked>,
}

type Edges = BTreeMap<String, Edge>;

/// Reads the directory, watches it for as long as edges need to write again, and names them.
pub(super) async fn look(kafka: &Kafka) -> Vec<Line> {
    match timeout(LOOK_WITHIN, watch(&kafka.partition(DIRECTORY, 0))).await {
        Ok(Ok(edges)) => {
            let formats = contract::formats();
            let ours = Build { version: env!("CARGO_PKG_VERSION"), formats: &formats };
            judge(&edges, now_ms(), ours)
        }
        Ok(Err(error)) => unread(&error),
        Err(_) => unread(&format_args!("not within {LOOK_WITHIN:?}")),
    }
}

fn unread(why: &dyn Display) -> Vec<Line> {
    let says = format!("the directory cannot be read ({why}): bring its brokers back");
    vec![Line::to_do(EDGES, "", says)]
}

async fn watch(partition: &Partition) -> Result<Edges, KafkaError> {
    // What stands behind the end as it is now is written from now on, and was sent shortly before.
    let asking = Asking::begin().early(SENDING_MS);
    let bounds = bounds(partition).await?;
    let (mut edges, mut at) = (Edges::new(), bounds.earliest);
    for _ in 0..MOST_FETCHES {
        if at >= bounds.end {
            break;
        }
        // Boxed: futures so deep within each other are beyond the compiler.
        let fetched = Box::pin(partition.fetch(at, FETCH_BYTES, FETCH_WAIT_MS)).await?;
        note(&mut edges, &fetched, at, |_| None);
        at = fetched.next_offset_in_compacted(at);
    }
    if at < bounds.end {
        return Err(KafkaError::Unknown(format!("it does not end after {MOST_FETCHES} fetches")));
    }
    let began = Instant::now();
    while began.elapsed() < WATCH && edges.values().any(|edge| is_awaited(edge, now_ms())) {
        let fetched = Box::pin(partition.fetch(at, FETCH_BYTES, FETCH_WAIT_MS)).await?;
        note(&mut edges, &fetched, at, |sent_ms| Some(asking.said(sent_ms)));
        at = fetched.next_offset_in_compacted(at);
    }
    Ok(edges)
}

/// Takes probes from what was fetched from an offset.
fn note(edges: &mut Edges, fetched: &Fetched, from: i64, watched: impl Fn(u64) -> Option<Asked>) {
    for record in fetched.records.iter().filter(|record| record.offset >= from) {
        let Ok(Entry::Probe(probe)) = decode(record.key.as_deref(), record.value.as_deref()) else {
            continue;
        };
        if record.value.is_none() {
            edges.remove(&probe.edge);
            continue;
        }
        let sent_ms = u64::try_from(record.timestamp_ms).unwrap_or(0);
        let edge = Edge { sent_ms, watched: watched(sent_ms), probe };
        edges.insert(edge.probe.edge.clone(), edge);
    }
}

/// Whether it may still write, or ended without a word.
fn is_awaited(edge: &Edge, now_ms: u64) -> bool {
    edge.watched.is_none() && edge.sent_ms.abs_diff(now_ms) <= RECENT_MS
}

/// The client that this process shares may know a leader of before; the try after one that failed
/// begins with a fresh one.
async fn bounds(partition: &Partition) -> Result<Bounds, KafkaError> {
    for _ in 1..TRIES {
        if let Ok(bounds) = Box::pin(partition.bounds()).await {
            return Ok(bounds);
        }
    }
    Box::pin(partition.bounds()).await
}

fn judge(edges: &Edges, now_ms: u64, ours: Build<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, edge) in edges {
        if let Some(asked) = edge.watched {
            let Probe { version, formats, .. } = &edge.probe;
            lines.push(Build { version, formats }.judge(EDGES, name, ours));
            lines.push(clocks::judge(name, asked));
        } else if is_awaited(edge, now_ms) {
            let says = "it wrote to the directory within a day, and nothing while this looked: \
                        well if it ended for good, and else look at its log";
            lines.push(Line::warning(EDGES, name, says));
        }
    }
    if edges.values().all(|edge| edge.watched.is_none()) {
        let says = format!(
            "none wrote to the directory within {} s: start them, or look at their logs",
            WATCH.as_secs()
        );
        lines.push(Line::to_do(EDGES, "", says));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    const NOW_MS: u64 = 1_000_000_000;

    fn edge(name: &str) -> Edge {
        let asked = Asked { theirs_ms: NOW_MS, before_ms: NOW_MS - 100, took_ms: 200 };
        Edge { probe: Probe::of(name, "1.2.0"), sent_ms: NOW_MS, watched: Some(asked) }
    }

    fn judged(edges: Vec<Edge>) -> Vec<Verdict> {
        let edges = edges.into_iter().map(|edge| (edge.probe.edge.clone(), edge));
        let formats = contract::formats();
        verdicts(&judge(&edges.collect(), NOW_MS, Build { version: "1.2.0", formats: &formats }))
    }

    #[test]
    fn edges_that_write_are_named_and_understand_what_is_written() {
        assert_eq!(judged(vec![edge("edge-1")]), [Verdict::Ok, Verdict::Ok]);
        let old = Probe { version: String::new(), formats: String::new(), ..edge("edge-1").probe };
        let old = Edge { probe: old, ..edge("edge-1") };
        assert_eq!(judged(vec![old]), [Verdict::Warning, Verdict::Ok]);
        let before = Edge { probe: Probe::of("edge-1", "1.1.0"), ..edge("edge-1") };
        assert_eq!(judged(vec![before]), [Verdict::Warning, Verdict::Ok]);
        let other = Probe { formats: "claim 2".to_owned(), ..edge("edge-1").probe };
        let other = Edge { probe: other, ..edge("edge-1") };
        assert_eq!(judged(vec![other]), [Verdict::ToDo, Verdict::Ok]);
    }

    #[test]
    fn one_that_is_silent_is_told_of_for_a_day() {
        let silent = |sent_ms| Edge { sent_ms, watched: None, ..edge("edge-2") };
        let beside = |other| judged(vec![edge("edge-1"), other]);
        assert_eq!(beside(silent(NOW_MS)), [Verdict::Ok, Verdict::Ok, Verdict::Warning]);
        assert_eq!(beside(silent(NOW_MS - RECENT_MS - 1)), [Verdict::Ok, Verdict::Ok]);
        assert_eq!(judged(vec![silent(NOW_MS)]), [Verdict::Warning, Verdict::ToDo], "none writes");
        assert_eq!(judged(Vec::new()), [Verdict::ToDo]);
    }

    #[test]
    fn an_edge_whose_clock_is_wrong_is_alive_and_its_clock_is_told_of() {
        for theirs_ms in [NOW_MS - 3_600_000, NOW_MS + 3_600_000] {
            let asked = Asked { theirs_ms, before_ms: NOW_MS, took_ms: 200 };
            let wrong = Edge { sent_ms: theirs_ms, watched: Some(asked), ..edge("edge-1") };
            assert_eq!(judged(vec![wrong]), [Verdict::Ok, Verdict::ToDo]);
        }
    }
}
