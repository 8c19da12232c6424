//! The Kafka way: what no replica was shown to hold is told only when Kafka has it and the
//! directory, read past a probe sent after that, shows no higher epoch for the event.
//!
//! Losses go this way too: a master that was replaced and does not know it yet may call an event
//! sold out whose units the new one hands out, or tell a winner that it never heard of.

use std::time::Duration;

use contract::record::Told;
use tokio::time::timeout;

use crate::directory::Directory;
use crate::directory::probe::Probes;
use crate::failpoint::Point;
use crate::metrics::ConfirmMetrics;
use crate::publish::{Acknowledged, Publication, Publisher, Room};

/// From the script's answer to the confirmation: a claim's deadline.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(2);

/// Confirms by Kafka and the directory.
pub(super) struct Confirm {
    publisher: Publisher,
    probes: Probes,
    directory: Directory,
    metrics: ConfirmMetrics,
}

/// What a batch shows, and with what room it is published.
pub(super) struct Unconfirmed {
    /// All wins that the batch shows, granted ones first.
    pub(super) publication: Publication,
    /// How many of them were granted: nobody else publishes those.
    pub(super) granted: usize,
    /// Room for the granted ones at least.
    pub(super) room: Room,
}

/// Why a batch may not be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotConfirmed {
    /// Kafka or the directory took too long, or there was no room.
    #[error("not confirmed in time")]
    TooLate,
    /// A newer epoch has begun, or the event is gone.
    #[error("a newer epoch has begun")]
    Replaced,
}

impl Confirm {
    pub(super) fn new(
        publisher: Publisher,
        probes: Probes,
        directory: Directory,
        metrics: ConfirmMetrics,
    ) -> Self {
        Self { publisher, probes, directory, metrics }
    }

    /// Publishes what a batch shows; `Ok` when it may be told. What was granted is published
    /// whatever comes of the rest.
    pub(super) async fn by_log(&self, batch: Unconfirmed) -> Result<(), NotConfirmed> {
        debug_assert_eq!(batch.publication.told, Told::Pending);
        let (event, epoch) = (batch.publication.event.clone(), batch.publication.epoch);
        let confirmed = async {
            self.publish(batch)?.await.map_err(|_| NotConfirmed::TooLate)?;
            Point::BeforeProbe.reach();
            self.probes.pass().await.map_err(|_| NotConfirmed::TooLate)
        };
        let result = match timeout(CONFIRM_DEADLINE, confirmed).await {
            Ok(Ok(())) => match self.directory.find(&event) {
                Ok(standing) if standing.epoch <= epoch => Ok(()),
                _ => Err(NotConfirmed::Replaced),
            },
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NotConfirmed::TooLate),
        };
        match result {
            Ok(()) => self.metrics.confirmed.increment(1),
            Err(NotConfirmed::TooLate) => self.metrics.too_late.increment(1),
            Err(NotConfirmed::Replaced) => self.metrics.replaced.increment(1),
        }
        result
    }

    fn publish(&self, mut batch: Unconfirmed) -> Result<Acknowledged, NotConfirmed> {
        let all = batch.publication.wins.len();
        let enough = self.publisher.extend(&mut batch.room, all);
        if enough.is_err() {
            batch.publication.wins.truncate(batch.granted);
        }
        let acknowledged = self.publisher.publish(batch.publication, batch.room);
        enough.map(|()| acknowledged).map_err(|_| NotConfirmed::TooLate)
    }
}
