//! What Redis has of an event, read on the master that owns its slot.

use std::collections::HashMap;

use contract::ids::{EventId, UserId};
use links::redis::{Cluster, RedisError};

use super::snapshot::{Holding, RedisSnapshot};

/// Users that are read at once: 1,000 block Redis for at most 3.7 ms.
const PAGE_USERS: u32 = 500;
/// Outbox entries that are read at once.
const PAGE_ENTRIES: u32 = 100;

/// All of an event. An event that its shard does not know has nothing.
pub async fn snapshot(cluster: &Cluster, event: &EventId) -> Result<RedisSnapshot, RedisError> {
    // The outbox first: a win that enters it later is seen as not settled by what comes after.
    let (outbox, unreadable_entries) = outbox(cluster, event).await?;
    let state = cluster.state(event).await?;
    let (mut users, mut unreadable) = (HashMap::new(), unreadable_entries);
    let mut cursor = 0;
    loop {
        let page = cluster.wins_page(event, cursor, PAGE_USERS).await?;
        unreadable += page.unreadable.len() as u64;
        // A user may come twice while the hash grows; the later one is the newer.
        users.extend(page.users.into_iter().map(|user| (user.user, user.wins)));
        cursor = page.cursor;
        if cursor == 0 {
            break;
        }
    }
    let wins = users
        .into_iter()
        .flat_map(|(user, wins)| wins.into_iter().map(move |win| holding(user.clone(), &win)));
    Ok(RedisSnapshot {
        stock: state.as_ref().map_or(0, |state| state.stock),
        held: state.as_ref().map_or(0, |state| state.held),
        sequence: state.as_ref().map_or(0, |state| state.sequence),
        outbox,
        unreadable,
        wins: wins.collect(),
    })
}

/// Whether Kafka has acknowledged everything.
pub async fn outbox_is_empty(cluster: &Cluster, event: &EventId) -> Result<bool, RedisError> {
    let page = cluster.outbox(event, None, 1).await?;
    Ok(page.entries.is_empty() && page.unreadable.is_empty())
}

/// How many entries there are, and how many of them cannot be read.
async fn outbox(cluster: &Cluster, event: &EventId) -> Result<(u64, u64), RedisError> {
    let (mut entries, mut unreadable) = (0, 0);
    let mut after: Option<String> = None;
    loop {
        let page = cluster.outbox(event, after.as_deref(), PAGE_ENTRIES).await?;
        unreadable += page.unreadable.len() as u64;
        entries += (page.entries.len() + page.unreadable.len()) as u64;
        match page.entries.last() {
            Some(last) => after = Some(last.id.clone()),
            None => return Ok((entries, unreadable)),
        }
    }
}

fn holding(user: UserId, win: &contract::coupon::Win) -> Holding {
    Holding {
        user,
        coupon: win.coupon,
        sequence: win.sequence,
        nth: win.nth,
        quantity: win.quantity,
        attempt: win.attempt,
        state: win.state,
    }
}
