//! Probes: records that an edge writes into the directory and waits for, to know that it has read
//! all that stood there before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use contract::directory::{self as wire, Entry, Probe};
use links::kafka::{KafkaError, NewRecord, Partition};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::Directory;
use crate::metrics::DirectoryMetrics;

/// Between two probes that nobody waits for; they show that news arrives.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// For an acknowledged probe to be read.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// After a probe that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// Told in each probe, so that whoever prepares a sale sees which edges there are.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Batches that may wait for a probe, of all cores together.
const MAX_WAITING: usize = 4_096;

/// Asks for probes. A clone is cheap.
#[derive(Clone)]
pub struct Probes {
    waiting: mpsc::Sender<oneshot::Sender<()>>,
}

/// Too many wait for a probe, or the one waited for did not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no probe came back from the directory")]
pub struct NotPassed;

impl Probes {
    /// Returns once a probe that was sent after this call began is read.
    ///
    /// Waits as long as that takes: the caller has a deadline.
    pub async fn pass(&self) -> Result<(), NotPassed> {
        let (passed, wait) = oneshot::channel();
        self.waiting.try_send(passed).map_err(|_| NotPassed)?;
        wait.await.map_err(|_| NotPassed)
    }
}

/// The one that sends probes, one at a time: whoever comes while one is under way needs the next.
pub struct Prober {
    name: String,
    partition: Partition,
    directory: Directory,
    waiting: mpsc::Receiver<oneshot::Sender<()>>,
    metrics: DirectoryMetrics,
}

/// Why a probe did not come back.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It was not acknowledged.
    #[error(transparent)]
    Produce(#[from] KafkaError),
    /// It was, but is not read yet.
    #[error("the probe at offset {0} was not read in time")]
    NotRead(i64),
}

impl Prober {
    /// A prober of the edge `name`, and where probes are asked for. The partition is not the one
    /// that is followed.
    pub fn new(
        name: String,
        partition: Partition,
        directory: Directory,
        metrics: DirectoryMetrics,
    ) -> (Self, Probes) {
        let (sender, waiting) = mpsc::channel(MAX_WAITING);
        (Self { name, partition, directory, waiting, metrics }, Probes { waiting: sender })
    }

    /// Sends probes until nobody can ask for one any more.
    pub async fn run(mut self) {
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        while self.next_is_due(&mut waiting).await {
            match self.probe().await {
                Ok(()) => waiting.drain(..).for_each(|passed| {
                    // Whoever does not wait any more has given up.
                    let _ = passed.send(());
                }),
                Err(error) => {
                    warn!(%error, "a probe of the directory failed");
                    self.metrics.failed_probes.increment(1);
                    // The others wait for the next one, each to its own deadline.
                    waiting.retain(|passed| !passed.is_closed());
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Returns at once when somebody waits, or asks, and else about once a second; false when
    /// nobody can ask any more.
    async fn next_is_due(&mut self, waiting: &mut Vec<oneshot::Sender<()>>) -> bool {
        if waiting.is_empty() {
            let asked = self.waiting.recv_many(waiting, MAX_WAITING);
            return timeout(IDLE_INTERVAL, asked).await != Ok(0);
        }
        while waiting.len() < MAX_WAITING {
            match self.waiting.try_recv() {
                Ok(passed) => waiting.push(passed),
                Err(_) => break,
            }
        }
        true
    }

    /// Sends one probe and waits until it is read.
    pub async fn probe(&self) -> Result<(), ProbeError> {
        let sent = Instant::now();
        let (key, value) = wire::encode(&Entry::Probe(Probe::of(&self.name, VERSION)));
        let record = NewRecord { key, value, headers: BTreeMap::new() };
        let offset = self.partition.produce(vec![record]).await?;
        timeout(READ_TIMEOUT, self.directory.read_past(offset))
            .await
            .map_err(|_| ProbeError::NotRead(offset))?;
        self.directory.passed(sent);
        self.metrics.probe_seconds.record(sent.elapsed().as_secs_f64());
        Ok(())
    }
}
