//! The edges, by the probes that each of them writes into the directory about once a second: which
//! there are, and whether they and this build understand each other.

use std::collections::BTreeMap;

use contract::directory::{Entry, Probe, decode};
use contract::topics::DIRECTORY;
use links::kafka::{Bounds, Kafka, KafkaError, Partition};

use super::build::Build;
use super::event::now_ms;
use super::line::Line;

const EDGES: &str = "edges";
/// An edge that has not probed for so long ended, or does not reach Kafka.
const LIVE_FOR_MS: u64 = 10_000;
/// About the most bytes of one fetch.
const FETCH_BYTES: i32 = 1024 * 1024;
/// How long a broker may wait for something to come.
const FETCH_WAIT_MS: u32 = 200;
/// Tries to find the directory's leader.
const TRIES: u32 = 3;
/// Fetches of one look: the directory is compacted to some MiB.
const MOST_FETCHES: usize = 100;

/// An edge's last probe, and when it sent it, in Unix milliseconds.
type Seen = BTreeMap<String, (Probe, u64)>;

/// Reads the directory and names the edges.
pub(super) async fn look(kafka: &Kafka) -> Vec<Line> {
    match seen(kafka).await {
        Ok(seen) => {
            let formats = contract::formats();
            let ours = Build { version: env!("CARGO_PKG_VERSION"), formats: &formats };
            judge(&seen, now_ms(), ours)
        }
        Err(error) => {
            let says = format!("the directory cannot be read ({error}): bring its brokers back");
            vec![Line::to_do(EDGES, "", says)]
        }
    }
}

async fn seen(kafka: &Kafka) -> Result<Seen, KafkaError> {
    let partition = kafka.partition(DIRECTORY, 0);
    let bounds = bounds(&partition).await?;
    let (mut seen, mut at) = (Seen::new(), bounds.earliest);
    for _ in 0..MOST_FETCHES {
        if at >= bounds.end {
            break;
        }
        // Boxed: futures so deep within each other are beyond the compiler.
        let fetched = Box::pin(partition.fetch(at, FETCH_BYTES, FETCH_WAIT_MS)).await?;
        for record in fetched.records.iter().filter(|record| record.offset >= at) {
            let entry = decode(record.key.as_deref(), record.value.as_deref());
            if let Ok(Entry::Probe(probe)) = entry {
                if record.value.is_none() {
                    seen.remove(&probe.edge);
                    continue;
                }
                let sent_ms = u64::try_from(record.timestamp_ms).unwrap_or(0);
                seen.insert(probe.edge.clone(), (probe, sent_ms));
            }
        }
        at = fetched.next_offset_in_compacted(at);
    }
    Ok(seen)
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

fn judge(seen: &Seen, now_ms: u64, ours: Build<'_>) -> Vec<Line> {
    let live = seen.values().filter(|(_, sent_ms)| sent_ms + LIVE_FOR_MS >= now_ms);
    let build = |(probe, _): &(Probe, u64)| {
        Build { version: &probe.version, formats: &probe.formats }.judge(EDGES, &probe.edge, ours)
    };
    let lines: Vec<Line> = live.map(build).collect();
    if lines.is_empty() {
        let says = "none has written to the directory for 10 s: start them, or look at their logs";
        return vec![Line::to_do(EDGES, "", says)];
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::line::{Verdict, verdicts};
    use super::*;

    const NOW_MS: u64 = 1_000_000;

    fn judged(probes: Vec<(Probe, u64)>) -> Vec<Verdict> {
        let seen = probes.into_iter().map(|(probe, at)| (probe.edge.clone(), (probe, at)));
        let formats = contract::formats();
        verdicts(&judge(&seen.collect(), NOW_MS, Build { version: "1.2.0", formats: &formats }))
    }

    #[test]
    fn edges_that_live_are_named_and_understand_what_is_written() {
        let edge = |name: &str| Probe::of(name, "1.2.0");
        let gone = (edge("edge-2"), NOW_MS - LIVE_FOR_MS - 1);
        assert_eq!(judged(vec![(edge("edge-1"), NOW_MS - 900), gone.clone()]), [Verdict::Ok]);
        assert_eq!(judged(vec![gone]), [Verdict::ToDo], "none lives");
        let old = Probe { version: String::new(), formats: String::new(), ..edge("edge-1") };
        assert_eq!(judged(vec![(old, NOW_MS)]), [Verdict::Warning]);
        assert_eq!(judged(vec![(Probe::of("edge-1", "1.1.0"), NOW_MS)]), [Verdict::Warning]);
        let other = Probe { formats: "claim 2".to_owned(), ..edge("edge-1") };
        assert_eq!(judged(vec![(other, NOW_MS)]), [Verdict::ToDo]);
    }
}
