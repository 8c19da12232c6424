//! What keeps a run from calling a win missing that is merely on its way.
//!
//! The order makes it so. First the shard's sequence (T0): later wins are not looked at. Then the
//! outbox: a win up to that number that is not in it was acknowledged by Kafka. Then Kafka's ends:
//! its record stands before them. Then MySQL's offsets, once they are past those ends: its record
//! is a row or a dead letter. Only then rows are read.

use std::time::Duration;

use contract::ids::EventId;
use contract::topics::COUPON_ISSUED_PARTITIONS;
use links::redis::Cluster;
use tokio::time::{Instant, sleep};

use super::sequences::Sequences;
use super::trouble::{Trouble, patiently};
use crate::coupon_log::CouponLog;
use crate::store::epochs::EpochStep;
use crate::store::events::Event;
use crate::store::leases::Lease;
use crate::store::{Session, Store, StoreError};

/// After T0: every claim that was granted before it has its answer, within 2 s, or nobody waits any
/// more. Also between two looks at something that may have been under way.
pub(super) const SETTLE: Duration = Duration::from_secs(3);
/// For MySQL to reach Kafka's ends.
pub(super) const CATCH_UP: Duration = Duration::from_secs(60);
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// Outbox entries that are read at once; each has up to 128 wins.
const PAGE_ENTRIES: u32 = 32;
/// Between two pages of an outbox.
const PAUSE: Duration = Duration::from_millis(2);

/// How an event's shard stood at T0, read in one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) epoch: u64,
    pub(crate) identity: String,
    pub(crate) held: u64,
    pub(crate) sequence: u64,
}

/// Reads how an event's shard stands. Fails unless the shard is the one that MySQL armed, and open.
pub(crate) async fn take(cluster: &Cluster, event: &Event) -> Result<Watermark, Trouble> {
    match &event.arming {
        None => return Err(Trouble::NotArmed("it was never armed")),
        Some(_) if event.is_archived() => return Err(Trouble::NotArmed("it is archived")),
        Some(arming) if arming.step != EpochStep::Open => {
            return Err(Trouble::NotArmed("it is being armed: try again"));
        }
        Some(_) => {}
    }
    let id = &event.event_id;
    let Some(master) = cluster.master_of(Cluster::slot_of(id)) else {
        return Err(Trouble::NotArmed("no master owns its slot"));
    };
    let process = patiently("a process", || cluster.process_of(&master)).await?;
    let Some(state) = patiently("a state", || cluster.state(id)).await? else {
        return Err(Trouble::NotArmed("its shard does not have it: the leader arms it again"));
    };
    if state.epoch != event.epoch || state.identity != process.replid {
        return Err(Trouble::NotArmed("it is fenced until the leader has armed it again"));
    }
    Ok(Watermark {
        epoch: state.epoch,
        identity: state.identity,
        held: state.held,
        sequence: state.sequence,
    })
}

/// What an outbox held.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Numbers of wins that Kafka may not have.
    pub(super) in_flight: Sequences,
    /// Entries that cannot be read, by id.
    pub(super) unreadable: Vec<String>,
}

/// Reads an outbox up to the watermark.
pub(super) async fn outbox(
    cluster: &Cluster,
    event: &EventId,
    mark: &Watermark,
) -> Result<Outbox, Trouble> {
    let mut outbox = Outbox::default();
    let mut after: Option<String> = None;
    loop {
        let from = after.as_deref();
        let page = patiently("an outbox", || cluster.outbox(event, from, PAGE_ENTRIES)).await?;
        outbox.unreadable.extend(page.unreadable.iter().cloned());
        let wins = page.entries.iter().flat_map(|entry| &entry.wins).map(|won| won.win.sequence);
        for sequence in wins.filter(|&sequence| sequence <= mark.sequence) {
            outbox.in_flight.insert(sequence);
        }
        let Some(last) = last_id(&page.entries, &page.unreadable) else {
            return Ok(outbox);
        };
        after = Some(last);
        sleep(PAUSE).await;
    }
}

/// The id that comes last in a page of readable and unreadable entries.
fn last_id(entries: &[links::redis::OutboxEntry], unreadable: &[String]) -> Option<String> {
    let ids = entries.iter().map(|entry| &entry.id).chain(unreadable);
    ids.max_by_key(|id| order(id)).cloned()
}

/// Stream ids are two numbers; what is none comes first.
fn order(id: &str) -> Option<(u64, u64)> {
    let (first, second) = id.split_once('-')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// The end of each partition, by part.
pub(crate) async fn ends(log: &CouponLog) -> Result<Vec<i64>, Trouble> {
    let mut ends = Vec::new();
    for part in 0..COUPON_ISSUED_PARTITIONS {
        ends.push(patiently("the end of a partition", || log.end_of(part)).await?);
    }
    Ok(ends)
}

/// Partitions that MySQL has not read up to those ends, with the end.
pub(crate) async fn behind(
    session: &mut Session,
    ends: &[i64],
) -> Result<Vec<(Lease, i64)>, StoreError> {
    let leases = session.leases().await?.into_iter().zip(ends.iter().copied());
    Ok(leases.filter(|(lease, end)| lease.next_offset < *end).collect())
}

/// Waits until MySQL has everything before those ends, for so long at most.
pub(crate) async fn caught_up(
    store: &Store,
    ends: &[i64],
    patience: Duration,
) -> Result<(), Trouble> {
    let mut session = store.connect().await?;
    let deadline = Instant::now() + patience;
    loop {
        match behind(&mut session, ends).await?.first() {
            None => return Ok(()),
            Some((lease, end)) if Instant::now() >= deadline => {
                let (part, at, end) = (lease.part, lease.next_offset, *end);
                return Err(Trouble::Behind { part, at, end });
            }
            Some(_) => sleep(LOOK).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_page_may_be_one_that_cannot_be_read() {
        let entry =
            |id: &str| links::redis::OutboxEntry { id: id.to_owned(), epoch: 2, wins: Vec::new() };
        let unreadable = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(last_id(&[], &[]), None);
        let entries = [entry("2-9"), entry("2-10")];
        assert_eq!(last_id(&entries, &[]).as_deref(), Some("2-10"));
        assert_eq!(last_id(&entries, &unreadable(&["0-1"])).as_deref(), Some("2-10"));
        assert_eq!(last_id(&entries, &unreadable(&["3-1"])).as_deref(), Some("3-1"));
    }
}
