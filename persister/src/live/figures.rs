//! An event's units, from its shard to its rows.
//!
//! The order of the reads is reconcile's: the shard, its outbox, Kafka's ends, how far MySQL is, rows,
//! and the shard once more. Where it stood still meanwhile and nothing was on its way, every unit that
//! the shard counts has a row or a letter, or something is wrong.

use contract::ids::EventId;
use links::redis::{Cluster, ShardState};
use serde::Serialize;

use super::lag::{self, Lag};
use crate::coupon_log::CouponLog;
use crate::events::view::{Details, show};
use crate::store::{Session, StoreError};

/// An event in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// The event, its rows and their units, its dead letters.
    #[serde(flatten)]
    pub event: Details,
    /// Units that winners hold, as its shard counts them; null: the shard was not seen.
    pub held: Option<u64>,
    /// The stock that its shard carries; null as well.
    pub carried_stock: Option<u64>,
    /// Units of wins that MySQL refused for good: their letters wait, or were given up.
    pub refused: u64,
    /// Letters that operators gave up.
    pub given_up: u64,
    /// Units that the shard counts, and that are no row yet; null: it was not seen.
    pub on_their_way: Option<u64>,
    /// Units that the shard and the rows differ by with nothing on its way; null: something is.
    pub drift: Option<i64>,
}

/// What decides whether a difference is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    held: u64,
    units: u64,
    refused: u64,
    settled: bool,
}

/// Looks at one event; None: there is no such event.
pub(super) async fn look(
    session: &mut Session,
    cluster: &Cluster,
    log: &CouponLog,
    event: &EventId,
) -> Result<Option<Figures>, StoreError> {
    let before = state(cluster, event).await;
    let nothing_waits = outbox_is_empty(cluster, event).await;
    let behind = lag::look(session, log).await?;
    let Some(details) = show(session, event).await? else {
        return Ok(None);
    };
    let refused = session.count_refused(event).await?;
    let given_up = session.count_given_up(event).await?;
    let no_changes = session.count_changes(event).await? == 0;
    let after = state(cluster, event).await;
    let seen = after.as_ref().map(|state| Seen {
        held: state.held,
        units: details.units,
        refused,
        settled: !state.identity.is_empty()
            && before.as_ref() == Some(state)
            && nothing_waits
            && no_changes
            && behind.is_some_and(Lag::is_none),
    });
    Ok(Some(Figures {
        held: seen.map(|seen| seen.held),
        carried_stock: after.map(|state| state.stock),
        refused,
        given_up,
        on_their_way: seen.map(on_their_way),
        drift: seen.and_then(drift),
        event: details,
    }))
}

/// None where the shard does not answer, or does not have the event.
async fn state(cluster: &Cluster, event: &EventId) -> Option<ShardState> {
    cluster.state(event).await.ok().flatten()
}

async fn outbox_is_empty(cluster: &Cluster, event: &EventId) -> bool {
    let page = cluster.outbox(event, None, 1).await;
    page.is_ok_and(|page| page.entries.is_empty() && page.unreadable.is_empty())
}

fn difference(seen: Seen) -> i64 {
    let accounted = seen.units.saturating_add(seen.refused);
    let signed = |units: u64| i64::try_from(units).unwrap_or(i64::MAX);
    signed(seen.held).saturating_sub(signed(accounted))
}

fn on_their_way(seen: Seen) -> u64 {
    if seen.settled { 0 } else { u64::try_from(difference(seen)).unwrap_or(0) }
}

fn drift(seen: Seen) -> Option<i64> {
    seen.settled.then(|| difference(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_drift_only_once_everything_settled() {
        let seen = Seen { held: 10, units: 6, refused: 1, settled: false };
        assert_eq!((on_their_way(seen), drift(seen)), (3, None));
        let settled = Seen { settled: true, ..seen };
        assert_eq!((on_their_way(settled), drift(settled)), (0, Some(3)));
        let whole = Seen { units: 9, ..settled };
        assert_eq!((on_their_way(whole), drift(whole)), (0, Some(0)));
        // Rows are read after the shard: in a rush they may be ahead of it.
        let ahead = Seen { units: 12, ..seen };
        assert_eq!((on_their_way(ahead), drift(ahead)), (0, None));
        let more = Seen { units: 12, ..settled };
        assert_eq!(drift(more), Some(-3));
    }
}
