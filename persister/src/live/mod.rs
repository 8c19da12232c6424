//! A sale as it runs, for the console: gathered when somebody asks, once for all who do.
//!
//! - `kept`: what was gathered last, and how long it is good.
//! - `edges`: what the edges' metrics say of claims.
//! - `figures`: an event's units, from its shard to its rows.
//! - `lag`: how far MySQL is behind Kafka.
//! - `parts`: who is there, and how they stand.
//!
//! What is missing is left out: a server that is down must not hide what the others say.

pub mod edges;
pub mod figures;
mod kept;
pub mod lag;
pub mod parts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::ids::EventId;
use links::kafka::Kafka;
use links::redis::Cluster;
use links::standing::State;
use serde::Serialize;

use crate::coupon_log::CouponLog;
use crate::status::{Role, Status};
use crate::store::events::Event;
use crate::store::leases::Lease;
use crate::store::{Store, StoreError};
use edges::Edge;
use figures::Figures;
pub use kept::Aged;
use kept::Kept;
use lag::Lag;
use parts::Part;

/// Events that are named, those first that an operator changed last.
const MOST_EVENTS: usize = 100;
/// Events whose figures are kept for who asks next.
const MOST_KEPT: usize = 32;

/// Who asks on behalf of the console.
#[derive(Clone)]
pub struct Me {
    /// This process.
    pub name: String,
    /// How it stands.
    pub status: Arc<Status>,
    /// The edges' private addresses.
    pub edges: Vec<String>,
}

/// An event's figures; None where there is no such event.
type KeptFigures = Arc<Kept<Option<Figures>>>;

/// Gathers what the console shows.
pub struct Live {
    me: Me,
    store: Store,
    cluster: Cluster,
    /// Its own connections: a question for an end must not wait behind the relay's.
    log: CouponLog,
    system: Kept<System>,
    events: Mutex<HashMap<EventId, KeptFigures>>,
}

/// The system as this process sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct System {
    /// Who was asked.
    pub persister: String,
    /// What it does.
    pub role: Role,
    /// Who leads; null: nobody does, or MySQL does not answer.
    pub leader: Option<String>,
    /// Who is there, and how they stand.
    pub parts: Vec<Part>,
    /// What edges say of claims.
    pub edges: Vec<Edge>,
    /// How far MySQL is behind Kafka; null: one of them does not answer.
    pub lag: Option<Lag>,
    /// Events that are not archived, at most [`MOST_EVENTS`]; none where MySQL does not answer.
    pub events: Vec<Named>,
}

/// An event to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its id.
    pub event_id: String,
    /// How operators want it to stand.
    pub phase: &'static str,
}

impl Live {
    /// Of those servers.
    pub fn new(me: Me, store: Store, cluster: Cluster, kafka: &Kafka) -> Self {
        Self {
            me,
            store,
            cluster,
            log: CouponLog::new(kafka),
            system: Kept::default(),
            events: Mutex::default(),
        }
    }

    /// The system.
    pub async fn system(&self) -> Result<Aged<System>, StoreError> {
        self.system.get(async { Ok(self.look().await) }).await
    }

    /// An event in figures; None: there is no such event.
    pub async fn event(&self, event: &EventId) -> Result<Aged<Option<Figures>>, StoreError> {
        let gather = async {
            let session = &mut self.store.connect().await?;
            figures::look(session, &self.cluster, &self.log, event).await
        };
        self.kept(event).get(gather).await
    }

    fn kept(&self, event: &EventId) -> KeptFigures {
        // A thread that panicked here left a whole value behind.
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= MOST_KEPT && !events.contains_key(event) {
            events.clear();
        }
        Arc::clone(events.entry(event.clone()).or_default())
    }

    async fn look(&self) -> System {
        let (edges, ends) = tokio::join!(edges::look(&self.me.edges), self.ends());
        // After the ends: it may be past them by then.
        let (leases, events) = self.rows().await.unwrap_or_default();
        let report = self.me.status.report();
        let (known, leader) = (!leases.is_empty(), leader(&leases));
        let (name, redis) = (&self.me.name, self.cluster.topology());
        System {
            parts: parts::parts(name, &report, leader.as_deref(), &edges, &redis),
            persister: self.me.name.clone(),
            role: report.role,
            leader,
            edges,
            lag: ends.filter(|_| known).map(|ends| lag::of(&leases, &ends)),
            events: named(events),
        }
    }

    /// Where Kafka ends; nobody waits for one that is known to be down.
    async fn ends(&self) -> Option<Vec<i64>> {
        let down = self.me.status.kafka.last().state == State::Down;
        if down { None } else { lag::ends(&self.log).await }
    }

    async fn rows(&self) -> Result<(Vec<Lease>, Vec<Event>), StoreError> {
        let mut session = self.store.connect().await?;
        Ok((session.leases().await?, session.live_events().await?))
    }
}

/// Who leads, by the leases; an owner is a name and a token.
fn leader(leases: &[Lease]) -> Option<String> {
    let lease = leases.iter().find(|lease| lease.live && !lease.owner.is_empty())?;
    let (name, _) = lease.owner.rsplit_once('/')?;
    Some(name.to_owned())
}

fn named(mut events: Vec<Event>) -> Vec<Named> {
    events.sort_by_key(|event| std::cmp::Reverse(event.updated_at_ms));
    events.truncate(MOST_EVENTS);
    let named =
        |event: &Event| Named { event_id: event.event_id.to_string(), phase: event.phase.as_str() };
    events.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leader_is_who_holds_a_lease_that_lives() {
        let lease =
            |owner: &str, live| Lease { part: 0, next_offset: 0, owner: owner.to_owned(), live };
        let of = |leases: &[Lease]| leader(leases);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[lease("", false), lease("persister-1/ab", false)]), None);
        let leases = [lease("persister-1/ab", false), lease("persister-2/cd", true)];
        assert_eq!(of(&leases).as_deref(), Some("persister-2"));
    }
}
