//! A worker a partition: gathers, produces until Kafka has it, acknowledges.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::record::{self, Record};
use contract::topics::{HEADER_COUPON, HEADER_EVENT, HEADER_REQUEST, HEADER_TRACE};
use links::kafka::{KafkaError, NewRecord, Partition};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::buffer::Queued;
use super::outbox::Acknowledging;
use crate::failpoint::Point;
use crate::metrics::PublishMetrics;
use crate::trace;

/// How long a batch grows, from its first win on. A produce costs the brokers and the persister about
/// the same whatever it carries, and a rush is spread over twelve partitions.
const LINGER: Duration = Duration::from_millis(50);
/// The same where somebody waits for Kafka, and how often that is looked at.
const WAITED_LINGER: Duration = Duration::from_millis(5);
/// Records of one produce: at most 700 bytes each, so below the brokers' 1 MB.
const MAX_RECORDS: usize = 1_000;
/// Between two tries: drawn anew from 0 up to this, doubled with each failure…
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Produces one partition's records, one call at a time, so that they keep their order.
pub(super) struct Worker {
    partition: Partition,
    queue: mpsc::Receiver<Queued>,
    acknowledging: Acknowledging,
    metrics: PublishMetrics,
}

impl Worker {
    pub(super) fn new(
        partition: Partition,
        queue: mpsc::Receiver<Queued>,
        acknowledging: Acknowledging,
        metrics: PublishMetrics,
    ) -> Self {
        Self { partition, queue, acknowledging, metrics }
    }

    /// Produces until no more can come and all is acknowledged.
    pub(super) async fn run(mut self) {
        while let Some(batch) = gather(&mut self.queue).await {
            self.produce(&batch).await;
            Point::AfterProduce.reach();
            self.acknowledge(batch);
        }
    }

    /// Tries until Kafka has the batch. A try whose answer is lost may have written it: the
    /// persister knows a coupon that comes twice.
    async fn produce(&self, batch: &[Queued]) {
        let began = Instant::now();
        let mut failures = 0_u32;
        while let Err(error) = self.try_once(batch).await {
            // Kafka may be away for hours: the 1st, 2nd, 4th, 8th … failure says enough.
            if failures.saturating_add(1).is_power_of_two() {
                let (partition, wins) = (self.partition.number(), batch.len());
                warn!(partition, wins, failures, %error, "wins are not published yet");
            }
            self.metrics.failed_produces.increment(1);
            sleep(pause(failures)).await;
            failures = failures.saturating_add(1);
        }
        self.metrics.produce_seconds.record(began.elapsed().as_secs_f64());
    }

    async fn try_once(&self, batch: &[Queued]) -> Result<(), KafkaError> {
        let records = batch.iter().map(encode).collect();
        self.partition.produce(records).await?;
        if Point::ProduceAnswer.loses() {
            return Err(KafkaError::Unknown("lost at a failpoint".to_owned()));
        }
        Ok(())
    }

    fn acknowledge(&self, batch: Vec<Queued>) {
        self.metrics.published.increment(batch.len() as u64);
        for Queued { under_way, span, .. } in batch {
            if let Some(span) = span {
                trace::published(span, self.partition.number());
            }
            if under_way.acknowledge_one() {
                self.acknowledging.acknowledge(&under_way.publication);
            }
        }
    }
}

/// The next batch; `None` when no more can come.
async fn gather(queue: &mut mpsc::Receiver<Queued>) -> Option<Vec<Queued>> {
    let mut batch = vec![queue.recv().await?];
    let grown = Instant::now() + LINGER;
    while !queue.is_closed() {
        sleep(WAITED_LINGER).await;
        take(queue, &mut batch);
        let waited_for = batch.iter().any(Queued::is_waited_for);
        if waited_for || batch.len() >= MAX_RECORDS || Instant::now() >= grown {
            return Some(batch);
        }
    }
    take(queue, &mut batch);
    Some(batch)
}

fn take(queue: &mut mpsc::Receiver<Queued>, batch: &mut Vec<Queued>) {
    while batch.len() < MAX_RECORDS {
        match queue.try_recv() {
            Ok(queued) => batch.push(queued),
            Err(_) => break,
        }
    }
}

fn encode(queued: &Queued) -> NewRecord {
    let publication = &queued.under_way.publication;
    let shown = &publication.wins[queued.index];
    let header = |name: &str, value: String| (name.to_owned(), value.into_bytes());
    let mut headers = BTreeMap::from([
        header(HEADER_EVENT, publication.event.to_string()),
        header(HEADER_COUPON, shown.win.coupon.to_string()),
    ]);
    if let Some(id) = &shown.request_id {
        headers.extend([header(HEADER_REQUEST, id.as_str().to_owned())]);
    }
    if let Some(span) = &queued.span {
        headers.extend([header(HEADER_TRACE, span.context().to_string())]);
    }
    let record = Record::Issued(publication.record(shown));
    NewRecord { key: queued.key.clone(), value: Some(record::encode(&record)), headers }
}

/// Full jitter, so that the workers of all edges do not come back together.
fn pause(failures: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE);
    rand::random_range(Duration::ZERO..=most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_second() {
        for failures in [0, 3, 40, u32::MAX] {
            let most = if failures == 0 { FIRST_PAUSE } else { LONGEST_PAUSE };
            assert!((0..50).all(|_| pause(failures) <= most));
        }
    }
}
