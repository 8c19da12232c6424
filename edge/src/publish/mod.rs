//! Wins on their way to Kafka, and their outbox entries back to Redis.
//!
//! Cores hand wins over and go on; the main thread's workers produce them. Room is reserved before
//! the script that may grant them is called, so a win always finds it: a full buffer refuses
//! claims, it never drops a win.

mod buffer;
mod outbox;
mod worker;

use std::sync::Arc;

use contract::coupon::Win;
use contract::ids::{EventId, UserId};
use contract::record::{Issued, Told};
use contract::topics::{COUPON_ISSUED, COUPON_ISSUED_PARTITIONS};
use links::kafka::Kafka;
use links::redis::Cluster;
use links::trace::{Context, Tracer};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub use buffer::{Publisher, Room};

use crate::metrics::PublishMetrics;
use crate::request::RequestId;
use outbox::Outbox;
use worker::Worker;

/// Wins that are on their way at most, of all cores together: some seconds of the fastest rush,
/// about 30 MB.
pub const BUFFERED_WINS: usize = 65_536;

/// The wins of one script call that are to be published together.
#[derive(Debug)]
pub struct Publication {
    /// The event.
    pub event: EventId,
    /// The epoch of the reply that granted or showed them.
    pub epoch: u64,
    /// How they stand with their users.
    pub told: Told,
    /// The wins.
    pub wins: Vec<ShownWin>,
    /// The outbox entry that is to be deleted once Kafka has all of them.
    pub entry: Option<String>,
}

/// A win and who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownWin {
    /// The winner.
    pub user: UserId,
    /// What was won.
    pub win: Win,
    /// The request that it answers.
    pub request_id: Option<RequestId>,
    /// The span of that request, if it is traced.
    pub trace: Option<Context>,
}

impl Publication {
    fn record(&self, shown: &ShownWin) -> Issued {
        let (event, user) = (self.event.clone(), shown.user.clone());
        Issued::new(event, self.epoch, user, &shown.win, self.told)
    }
}

/// What the cores publish through, and the tasks behind it: they end when the last [`Publisher`]
/// is dropped and everything is acknowledged.
pub fn start(
    kafka: &Kafka,
    cluster: Cluster,
    metrics: &PublishMetrics,
    tracer: &Tracer,
) -> (Publisher, JoinSet<()>) {
    let mut tasks = JoinSet::new();
    let (outbox, acknowledged) = Outbox::new(cluster, metrics.clone());
    tasks.spawn(outbox.run());
    let (publisher, queues) = Publisher::new(metrics.clone(), tracer.clone());
    for (number, queue) in (0..COUPON_ISSUED_PARTITIONS).zip(queues) {
        let partition = kafka.partition(COUPON_ISSUED, number);
        let worker = Worker::new(partition, queue, acknowledged.clone(), metrics.clone());
        tasks.spawn(worker.run());
    }
    (publisher, tasks)
}

/// A publication under way, shared by its records.
type Shared = Arc<buffer::UnderWay>;

/// Resolves when Kafka has all wins of a publication.
pub type Acknowledged = oneshot::Receiver<()>;
