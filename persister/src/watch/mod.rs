//! What the leader looks at beside its work, for metrics alone: how Redis and MySQL stand, and
//! whether what was told is accounted for. Nothing here changes anything.
//!
//! - `redis`: the shards, by what their masters say of themselves.
//! - `books`: told = rows + letters, of events that stand still.

mod books;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use links::redis::Cluster;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::coupon_log::CouponLog;
use crate::metrics::{self, Retried, Server};
use crate::reconcile::{Standing, Trouble};
use crate::stop::Stop;
use crate::store::{Session, Store, StoreError};
use books::Books;
use redis::Shards;

/// How often Redis and MySQL are looked at: as often as metrics are read.
const EVERY: Duration = Duration::from_secs(5);

/// The looks of a leader.
pub struct Watch {
    store: Store,
    shards: Shards,
    books: Books,
}

impl Watch {
    /// Of all that a leader works with.
    pub fn new(store: Store, cluster: Cluster, log: Arc<CouponLog>) -> Self {
        let books = Books::new(store.clone(), cluster.clone(), log);
        Self { store, shards: Shards::new(cluster), books }
    }

    /// Looks until it is asked to stop.
    pub async fn run(self, mut stop: Stop) {
        let Self { store, shards, books } = self;
        tokio::select! {
            () = stop.asked() => {}
            () = look_around(store, shards) => {}
            () = books.keep() => {}
        }
    }
}

/// Looks at Redis and MySQL for ever.
async fn look_around(store: Store, mut shards: Shards) {
    let mut session = None;
    let mut standing = Standing::default();
    let mut rounds = interval(EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        shards.look().await;
        if let Err(error) = look_at_mysql(&store, &mut session, &mut standing).await {
            session = None;
            failed(&error.into());
        }
    }
}

async fn look_at_mysql(
    store: &Store,
    session: &mut Option<Session>,
    standing: &mut Standing,
) -> Result<(), StoreError> {
    session.take_if(|session| !session.is_fresh());
    let session = match session {
        Some(session) => session,
        none => none.insert(store.connect().await?),
    };
    for (reason, letters) in session.count_letters_by_reason().await? {
        metrics::letters_waiting(reason, letters);
    }
    metrics::reconcile_differences(standing.look(session).await?);
    metrics::mysql_replicas(session.replicas_connected().await?);
    Ok(())
}

/// A look failed; the next one comes by itself.
fn failed(trouble: &Trouble) {
    let server = match trouble {
        Trouble::Redis(_) => Server::Redis,
        Trouble::Kafka(_) => Server::Kafka,
        _ => Server::Mysql,
    };
    metrics::retry(Retried::Watch, server);
    warn!(%trouble, "a look at how things stand failed");
}
