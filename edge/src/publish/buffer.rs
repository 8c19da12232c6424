//! The bounded buffer between the cores and the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contract::record::Told;
use contract::topics::{COUPON_ISSUED_PARTITIONS, partition_of, record_key};
use links::trace::{Span, Tracer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::error;

use super::{Acknowledged, BUFFERED_WINS, Publication, Shared};
use crate::metrics::PublishMetrics;
use crate::trace;

/// Where cores hand wins over. A clone is cheap.
#[derive(Clone)]
pub struct Publisher {
    room: Arc<Semaphore>,
    queues: Arc<[mpsc::Sender<Queued>]>,
    metrics: PublishMetrics,
    tracer: Tracer,
}

/// Room in the buffer for so many wins; what is not used goes back when it is dropped.
#[derive(Debug)]
pub struct Room {
    permit: OwnedSemaphorePermit,
}

/// A publication and what is still to happen to it.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) publication: Publication,
    unacknowledged: AtomicUsize,
    /// Taken by whoever waits for the acknowledgement; sent by the last record.
    done: std::sync::Mutex<Option<oneshot::Sender<()>>>,
    /// Goes back when the last record is acknowledged.
    _room: Room,
}

/// One record of a publication, in the queue of its partition.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) key: Vec<u8>,
    pub(super) under_way: Shared,
    /// Index into the publication's wins.
    pub(super) index: usize,
    /// Until Kafka has it, if it is traced.
    pub(super) span: Option<Span>,
}

impl Publisher {
    pub(super) fn new(
        metrics: PublishMetrics,
        tracer: Tracer,
    ) -> (Self, Vec<mpsc::Receiver<Queued>>) {
        // Each queue holds all that there is room for, so handing over never waits.
        let (queues, receivers): (Vec<_>, Vec<_>) =
            (0..COUPON_ISSUED_PARTITIONS).map(|_| mpsc::channel(BUFFERED_WINS)).unzip();
        let room = Arc::new(Semaphore::new(BUFFERED_WINS));
        (Self { room, queues: queues.into(), metrics, tracer }, receivers)
    }

    /// Reserves room for up to so many wins: as many as there is room for.
    pub fn reserve(&self, wanted: usize) -> Room {
        let mut count = wanted.min(self.room.available_permits());
        loop {
            if let Some(permit) = self.try_reserve(count) {
                return Room { permit };
            }
            // Another core was faster. Nothing at all can always be reserved.
            count /= 2;
        }
    }

    /// Adds what `room` lacks for so many wins; without it there is no room.
    pub fn extend(&self, room: &mut Room, wanted: usize) -> Result<(), Full> {
        let missing = wanted.saturating_sub(room.wins());
        let permit = self.try_reserve(missing).ok_or(Full)?;
        room.permit.merge(permit);
        Ok(())
    }

    fn try_reserve(&self, count: usize) -> Option<OwnedSemaphorePermit> {
        let count = u32::try_from(count).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(count).ok()
    }

    /// Wins that are on their way or have room reserved.
    pub fn buffered(&self) -> usize {
        BUFFERED_WINS.saturating_sub(self.room.available_permits())
    }

    /// Hands wins over, and returns what resolves when Kafka has all of them. There must be room
    /// for each; what is left of it goes back at once.
    pub fn publish(&self, publication: Publication, mut room: Room) -> Acknowledged {
        let (done, acknowledged) = oneshot::channel();
        let wins = publication.wins.len();
        if wins == 0 {
            let _ = done.send(());
            return acknowledged;
        }
        debug_assert!(wins <= room.wins(), "{wins} wins with room for {}", room.wins());
        drop(room.permit.split(room.wins().saturating_sub(wins)));
        self.metrics.handed_over.increment(wins as u64);
        let under_way = Arc::new(UnderWay {
            publication,
            unacknowledged: AtomicUsize::new(wins),
            done: std::sync::Mutex::new(Some(done)),
            _room: room,
        });
        for index in 0..wins {
            self.enqueue(Arc::clone(&under_way), index);
        }
        acknowledged
    }

    fn enqueue(&self, under_way: Shared, index: usize) {
        let publication = &under_way.publication;
        let shown = &publication.wins[index];
        let key = record_key(&publication.event, &shown.user);
        let span = trace::publishes(&self.tracer, shown.trace);
        let queue = &self.queues[partition_of(&key).unsigned_abs() as usize];
        if let Err(refused) = queue.try_send(Queued { key, under_way, index, span }) {
            // Only if the worker is gone: the entry stays in the outbox, where the relay finds it.
            error!(%refused, "a win cannot be handed to its worker");
            self.metrics.left_to_relay.increment(1);
        }
    }
}

/// There is no room in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the publisher's buffer is full")]
pub struct Full;

impl Room {
    /// For how many wins.
    pub fn wins(&self) -> usize {
        self.permit.num_permits()
    }
}

impl Queued {
    /// Whether it is told only once Kafka has it.
    pub(super) fn is_waited_for(&self) -> bool {
        self.under_way.publication.told == Told::Pending
    }
}

impl UnderWay {
    /// Kafka has one more record of it; true for the last.
    pub(super) fn acknowledge_one(&self) -> bool {
        let last = self.unacknowledged.fetch_sub(1, Ordering::AcqRel) == 1;
        if last {
            let done = self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            if let Some(done) = done {
                // A batch that was told at once does not wait.
                let _ = done.send(());
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::ShownWin;
    use contract::coupon::{CouponState, Win};
    use contract::ids::{Attempt, CouponId};

    fn publication(users: &[&str]) -> Publication {
        let shown = |user: &&str| ShownWin {
            user: user.parse().unwrap(),
            win: Win {
                coupon: CouponId::new(),
                sequence: 1,
                attempt: Attempt::NONE,
                issued_at_ms: 1,
                quantity: 1,
                nth: 1,
                state: CouponState::Issued,
                revision: 1,
            },
            request_id: None,
            trace: None,
        };
        Publication {
            event: "spring".parse().unwrap(),
            epoch: 1,
            told: Told::Replica,
            wins: users.iter().map(shown).collect(),
            entry: Some("1-1".to_owned()),
        }
    }

    fn publisher() -> (Publisher, Vec<mpsc::Receiver<Queued>>) {
        Publisher::new(PublishMetrics::register(), Tracer::off())
    }

    #[test]
    fn room_is_given_as_far_as_it_goes_and_comes_back() {
        let (publisher, _queues) = publisher();
        let most = publisher.reserve(BUFFERED_WINS - 10);
        let rest = publisher.reserve(128);
        assert_eq!((most.wins(), rest.wins()), (BUFFERED_WINS - 10, 10));
        let mut none = publisher.reserve(128);
        assert_eq!(none.wins(), 0);
        assert_eq!(publisher.extend(&mut none, 1), Err(Full));
        drop(rest);
        assert_eq!(publisher.extend(&mut none, 10), Ok(()));
        assert_eq!(none.wins(), 10);
        drop((most, none));
        assert_eq!(publisher.buffered(), 0);
    }

    #[tokio::test]
    async fn a_publication_is_acknowledged_with_its_last_record_and_keeps_room_until_then() {
        let (publisher, mut queues) = publisher();
        let room = publisher.reserve(5);
        let mut acknowledged = publisher.publish(publication(&["ann", "bob", "cy"]), room);
        assert_eq!(publisher.buffered(), 3, "what was not used went back");
        let mut queued: Vec<Queued> = Vec::new();
        for queue in &mut queues {
            queued.extend(std::iter::from_fn(|| queue.try_recv().ok()));
        }
        assert_eq!(queued.len(), 3);
        let last = queued.pop().unwrap();
        for queued in queued {
            assert!(!queued.under_way.acknowledge_one());
        }
        assert!(acknowledged.try_recv().is_err());
        assert!(last.under_way.acknowledge_one());
        drop(last);
        assert_eq!(acknowledged.await, Ok(()));
        assert_eq!(publisher.buffered(), 0);
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_at_once_and_a_lost_worker_never() {
        let (publisher, queues) = publisher();
        let room = publisher.reserve(1);
        assert_eq!(publisher.publish(publication(&[]), room).await, Ok(()));
        drop(queues);
        let room = publisher.reserve(1);
        assert!(publisher.publish(publication(&["ann"]), room).await.is_err());
        assert_eq!(publisher.buffered(), 0);
    }
}
