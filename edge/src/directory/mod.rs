//! Which events exist and how they stand, as the directory's topic says.
//!
//! [`follow`] reads the topic on the main thread; every core looks things up here, lock-free.
//! [`probe`] shows that all was read that stood in it at a certain moment.

pub mod follow;
pub mod probe;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use contract::directory::Listing;
use contract::event::{Confirm, Phase};
use contract::ids::EventId;
use tokio::sync::watch;

/// An edge that has not passed a probe for this long says of no event that it does not exist.
pub const FRESH_FOR: Duration = Duration::from_secs(5);

/// How a known event stands: the part of its [`Listing`] that a claim needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its epoch.
    pub epoch: u64,
    /// How it stands.
    pub phase: Phase,
    /// Unix milliseconds; 0: always open.
    pub opens_at_ms: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
    /// When a win may be told.
    pub confirm: Confirm,
}

/// Why the directory does not say how an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKnown {
    /// There is no such event.
    Unknown,
    /// It was not read to its end, or not lately: there may be such an event.
    Stale,
}

/// The directory as far as it was read. A clone is cheap and shares everything.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

struct Shared {
    events: ArcSwap<HashMap<EventId, Standing>>,
    /// The offset to be read next.
    position: watch::Sender<i64>,
    /// Whether the end that the topic had at first was reached.
    was_read: AtomicBool,
    began: Instant,
    /// Milliseconds after `began` when the last passed probe was sent, plus 1; 0: none was passed.
    probed_ms: AtomicU64,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                events: ArcSwap::default(),
                position: watch::Sender::new(0),
                was_read: AtomicBool::new(false),
                began: Instant::now(),
                probed_ms: AtomicU64::new(0),
            }),
        }
    }
}

impl Directory {
    /// How an event stands.
    pub fn find(&self, event: &EventId) -> Result<Standing, NotKnown> {
        let known = self.shared.events.load().get(event).copied();
        known.ok_or_else(|| if self.is_fresh() { NotKnown::Unknown } else { NotKnown::Stale })
    }

    /// Whether a probe was passed lately.
    pub fn is_fresh(&self) -> bool {
        self.probed_before().is_some_and(|before| before <= FRESH_FOR)
    }

    /// How long ago the last passed probe was sent.
    pub fn probed_before(&self) -> Option<Duration> {
        let after_ms = self.shared.probed_ms.load(Ordering::Relaxed).checked_sub(1)?;
        let sent = self.shared.began + Duration::from_millis(after_ms);
        Some(sent.elapsed())
    }

    /// Whether it was read to the end that it had when this edge began.
    pub fn was_read(&self) -> bool {
        self.shared.was_read.load(Ordering::Acquire)
    }

    fn reached_end(&self) {
        self.shared.was_read.store(true, Ordering::Release);
    }

    /// How many events it knows.
    pub fn len(&self) -> usize {
        self.shared.events.load().len()
    }

    /// Whether it knows no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A probe that was sent at `sent` is read.
    fn passed(&self, sent: Instant) {
        let after = sent.saturating_duration_since(self.shared.began).as_millis();
        let after_ms = u64::try_from(after).unwrap_or(u64::MAX - 1);
        self.shared.probed_ms.fetch_max(after_ms + 1, Ordering::Relaxed);
    }

    /// Puts new standings in the place of old ones, or takes events out, and only then says that
    /// all before `position` is read.
    fn update(&self, changes: Vec<(EventId, Option<Standing>)>, position: i64) {
        if !changes.is_empty() {
            let mut events = HashMap::clone(&self.shared.events.load());
            for (event, standing) in changes {
                match standing {
                    Some(standing) => events.insert(event, standing),
                    None => events.remove(&event),
                };
            }
            self.shared.events.store(Arc::new(events));
        }
        self.shared.position.send_replace(position);
    }

    /// Returns once all up to and including `offset` is read.
    async fn read_past(&self, offset: i64) {
        let mut position = self.shared.position.subscribe();
        // The sender lives as long as `self`.
        let _ = position.wait_for(|&next| next > offset).await;
    }
}

impl From<&Listing> for Standing {
    fn from(listing: &Listing) -> Self {
        Self {
            epoch: listing.epoch,
            phase: listing.phase,
            opens_at_ms: listing.opens_at_ms,
            per_user_limit: listing.per_user_limit,
            confirm: listing.confirm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(epoch: u64) -> Standing {
        Standing {
            epoch,
            phase: Phase::Open,
            opens_at_ms: 0,
            per_user_limit: 1,
            confirm: Confirm::Replica,
        }
    }

    #[test]
    fn what_is_not_known_is_unknown_only_while_news_arrives() {
        let directory = Directory::default();
        let event = "spring".parse().unwrap();
        assert_eq!(directory.find(&event), Err(NotKnown::Stale));
        directory.reached_end();
        assert!(directory.was_read());
        assert_eq!(directory.find(&event), Err(NotKnown::Stale));
        directory.passed(Instant::now());
        assert_eq!(directory.find(&event), Err(NotKnown::Unknown));
        directory.update(vec![(event.clone(), Some(standing(1)))], 1);
        assert_eq!(directory.find(&event), Ok(standing(1)));
        directory.update(vec![(event.clone(), None)], 2);
        assert_eq!(directory.find(&event), Err(NotKnown::Unknown));
    }

    #[test]
    fn a_probe_of_long_ago_is_no_news() {
        let long_ago = Instant::now() - FRESH_FOR - Duration::from_secs(1);
        let shared = Shared {
            events: ArcSwap::default(),
            position: watch::Sender::new(0),
            was_read: AtomicBool::new(true),
            began: long_ago,
            probed_ms: AtomicU64::new(0),
        };
        let directory = Directory { shared: Arc::new(shared) };
        directory.passed(long_ago);
        assert!(directory.was_read() && !directory.is_fresh());
        assert_eq!(directory.find(&"spring".parse().unwrap()), Err(NotKnown::Stale));
        directory.passed(Instant::now());
        directory.passed(long_ago);
        assert!(directory.is_fresh(), "a late passing turns nothing back");
    }

    #[tokio::test]
    async fn whoever_waits_for_an_offset_sees_what_stands_there() {
        let directory = Directory::default();
        let event: EventId = "spring".parse().unwrap();
        let reader = async {
            directory.read_past(4).await;
            directory.find(&event)
        };
        let writer = async {
            directory.update(vec![(event.clone(), Some(standing(1)))], 4);
            tokio::task::yield_now().await;
            directory.update(vec![(event.clone(), Some(standing(2)))], 5);
        };
        let (seen, ()) = tokio::join!(reader, writer);
        assert_eq!(seen, Ok(standing(2)));
    }
}
