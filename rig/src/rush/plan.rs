//! A rush as people ask for it, made ready against a running stack.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use contract::event::Confirm;
use contract::ids::EventId;

use super::Rush;
use super::event::{EventError, create, known};
use super::line::{Header, Origin};
use super::schedule::{Crowd, Keys};
use crate::stack::{Handle, PartKind};

/// Users, and what they ask for.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Users.
    pub users: u32,
    /// What they ask for.
    pub wanted: Wanted,
    /// Connections.
    pub connections: usize,
    /// How many users of a hundred ask more than once.
    pub duplicates_percent: u8,
    /// How many requests such a user has in flight at once, at most; at least 2.
    pub at_once: u8,
    /// Users who arrive in a second; 0: as fast as they are answered.
    pub per_s: u32,
    /// When a win of a new event is told.
    pub confirm: Confirm,
    /// Which way they go.
    pub through: Through,
    /// Requests for one definite answer, at most.
    pub tries: u16,
    /// How long a user waits for one.
    pub patience: Duration,
    /// The same seed gives the same crowd.
    pub seed: u64,
    /// Where the history is written.
    pub history: PathBuf,
}

/// What the users of a rush ask for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// An event that is made for them.
    New {
        /// Its id; never used before.
        event: EventId,
        /// Its units.
        stock: u64,
    },
    /// An event that is there.
    Existing(EventId),
}

/// Which way requests go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// Through NGINX, as clients do.
    Nginx,
    /// To the edges, in turn.
    Edges,
}

impl Plan {
    /// A rush of so many users for an event that is made for it; the rest as the demo has it.
    pub fn new(users: u32, event: EventId, stock: u64, history: PathBuf) -> Self {
        Self {
            users,
            wanted: Wanted::New { event, stock },
            connections: 256,
            duplicates_percent: 5,
            at_once: 2,
            per_s: 0,
            confirm: Confirm::Replica,
            through: Through::Nginx,
            tries: 100,
            patience: Duration::from_secs(60),
            seed: 1,
            history,
        }
    }

    /// Makes the event where it is new, waits until every edge knows it, and returns the rush that
    /// can be started.
    pub async fn prepare(&self, stack: &Handle) -> Result<Rush, EventError> {
        let (event, origin) = match &self.wanted {
            Wanted::New { event, stock } => {
                create(stack, event, *stock, self.confirm).await?;
                (event, Origin::Created)
            }
            Wanted::Existing(event) => (event, Origin::Existing),
        };
        let addresses = self.addresses(stack)?;
        let edges = stack.addresses(PartKind::Edge);
        let asked: Vec<SocketAddr> = edges.iter().chain(&addresses).copied().collect();
        let standing = known(&asked, event).await?;
        let keys = if standing.per_user_limit > 1 { Keys::All } else { Keys::Some };
        Ok(Rush {
            header: Header {
                event: event.clone(),
                origin,
                stock: standing.stock,
                limit: standing.per_user_limit,
                began_ms: 0,
            },
            crowd: self.crowd(keys),
            connections: self.connections,
            addresses,
            history: self.history.clone(),
        })
    }

    fn addresses(&self, stack: &Handle) -> Result<Vec<SocketAddr>, EventError> {
        Ok(match self.through {
            Through::Nginx => vec![stack.nginx()?],
            Through::Edges => stack.addresses(PartKind::Edge),
        })
    }

    fn crowd(&self, keys: Keys) -> Crowd {
        Crowd {
            users: self.users,
            duplicates_percent: self.duplicates_percent,
            at_once: self.at_once,
            per_s: self.per_s,
            keys,
            tries: self.tries,
            patience_us: u64::try_from(self.patience.as_micros()).unwrap_or(u64::MAX),
            seed: self.seed,
        }
    }
}
