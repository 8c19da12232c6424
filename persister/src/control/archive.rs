//! Archiving: a closed event whose wins are all rows leaves the directory and its shard.
//!
//! Until MySQL has noted that nothing is left to come, the event is closed like any other, and armed
//! again where its shard fails over. That note is the one step that decides; what follows only takes
//! away, may be done any number of times, and is never undone.

use std::collections::HashSet;
use std::time::Duration;

use contract::ids::EventId;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::arm::taken;
use super::carry::{author, note_carried};
use super::delete;
use super::plan::{Sight, Unsettled, Waiting};
use super::shard::look;
use super::take::{Hands, Taken, Trouble};
use crate::reconcile::{EventReport, Watermark, behind, compare_closed, ends, take_watermark};
use crate::store::epochs::Compared;
use crate::store::events::Event;
use crate::store::{Session, StoreError};

/// Between two looks whether an event that is looked through is to be left.
const WATCH: Duration = Duration::from_millis(500);
/// Events that are taken out of the directory once more in one look.
const MOST_HUSHED: u32 = 4;

/// Notes that the event is archived, if nothing of it is on its way and its shard has nothing that
/// MySQL lacks. The order is reconcile's: a win that is not in the outbox was acknowledged by Kafka,
/// so its record stands before the ends that are read next, and is a row or a dead letter once MySQL
/// is past them. Then each win is held beside its row: sums would let one make up for another.
pub(super) async fn settle(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Taken, Trouble> {
    let id = &event.event_id;
    let mark = take_watermark(&hands.cluster, event).await?;
    if let Some(left) = left_on_its_way(hands, session, event).await? {
        return Ok(unsettled(left));
    }
    let Some(_turn) = hands.archiving.turn() else {
        return Ok(unsettled(Unsettled::Turn));
    };
    let begun = Instant::now();
    let report = tokio::select! {
        report = compare_closed(&hands.store, &hands.cluster, &hands.log, id, &mark) => report?,
        () = called_away(hands, id, &mark) => return Ok(Taken::LookAgain),
    };
    if let Some(left) = left_apart(&report) {
        hands.archiving.note_apart(event, left, begun.elapsed());
        return Ok(unsettled(left));
    }
    hands.store.renew(session).await?;
    Ok(match session.note_archived(author(hands, event), event.version).await? {
        Compared::Done(()) => {
            info!(event = %id, epoch = event.epoch, sequence = mark.sequence, "settled; is archived");
            hands.archiving.forget(id);
            Taken::Step
        }
        Compared::Moved(moved) => taken(moved),
    })
}

/// What of the event may come into MySQL yet, if anything may; looked at once, never waited for.
async fn left_on_its_way(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Option<Unsettled>, Trouble> {
    let id = &event.event_id;
    if let Some(left) = left_in_mysql(session, id).await? {
        return Ok(Some(left));
    }
    let outbox = hands.cluster.outbox(id, None, 1).await?;
    if !outbox.entries.is_empty() {
        return Ok(Some(Unsettled::Outbox));
    }
    if !outbox.unreadable.is_empty() {
        return Ok(Some(Unsettled::Unreadable));
    }
    let ends = match hands.archiving.ends(event) {
        Some(ends) => ends,
        None => {
            let ends = ends(&hands.log).await?;
            hands.archiving.note_ends(event, ends.clone());
            ends
        }
    };
    let behind = behind(session, &ends).await?.len();
    Ok(if behind > 0 { Some(Unsettled::Behind(behind)) } else { hands.archiving.apart(event) })
}

/// Returns when an event that is looked through is to be left: its shard failed over and it has to
/// be armed again, or this process is about to end or does not lead any more.
async fn called_away(hands: &Hands, event: &EventId, mark: &Watermark) {
    loop {
        sleep(WATCH).await;
        let leads = Instant::now() < *hands.held_until.borrow();
        let stands = match look(&hands.cluster, event).await {
            Sight::Present(process, _) => process.replid == mark.identity,
            // It may answer again; if not, so much is read of it that the look fails by itself.
            Sight::Away(_) => true,
            Sight::Missing(_) | Sight::NoMaster => false,
        };
        if !leads || !stands || hands.archiving.has_ended() {
            return;
        }
    }
}

/// What waits in MySQL itself, if anything does.
async fn left_in_mysql(
    session: &mut Session,
    event: &EventId,
) -> Result<Option<Unsettled>, StoreError> {
    let (letters, changes) =
        (session.count_dead_letters(event).await?, session.count_changes(event).await?);
    Ok(match (letters, changes) {
        (0, 0) => None,
        (0, changes) => Some(Unsettled::Changes(changes)),
        (letters, _) => Some(Unsettled::Letters(letters)),
    })
}

/// What differs between the shard and the rows, if anything does. A win whose letter was given up
/// differs in nothing that is not decided: its letter keeps its record.
fn left_apart(report: &EventReport) -> Option<Unsettled> {
    match (report.unexplained(), report.unsettled + report.in_flight) {
        (0, 0) => None,
        (0, moving) => Some(Unsettled::Changes(moving)),
        (differences, _) => Some(Unsettled::Differs(differences)),
    }
}

fn unsettled(left: Unsettled) -> Taken {
    Taken::Blocked(Waiting::from(left).into())
}

/// Takes the event out of the directory: edges answer that there is no such event, and ask no shard.
pub(super) async fn delist(hands: &Hands, event: &Event) -> Result<Taken, Trouble> {
    if event.carried_version == event.version {
        warn!(event = %event.event_id, "the directory lists it though it was put away");
    }
    hands.directory.say_gone(event.event_id.clone()).await?;
    info!(event = %event.event_id, "taken out of the directory");
    Ok(Taken::Step)
}

/// Deletes the event's keys, and notes that nothing is left to do once nothing brings them back: from
/// then on nobody looks at the event any more.
pub(super) async fn put_away(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Taken, Trouble> {
    let Some(now) = delete::put_away(&hands.cluster, event).await? else {
        return Ok(Taken::LookAgain);
    };
    if !hands.archiving.are_gone(&event.event_id, now, hands.cluster.replicas()) {
        return Ok(Taken::Blocked(Waiting::Deleted.into()));
    }
    info!(event = %event.event_id, "its keys are gone");
    let taken = note_carried(session, event).await?;
    hands.archiving.forget(&event.event_id);
    Ok(taken)
}

/// Archived events that the directory lists all the same: a leader that was paused may have said how
/// one stands after another leader had taken it out. They are taken like those of `live`, which are
/// looked after anyway: the plan takes them out again.
pub(super) async fn listed_again(
    hands: &Hands,
    session: &mut Session,
    live: &[Event],
) -> Result<Vec<Event>, StoreError> {
    let live: HashSet<&EventId> = live.iter().map(|event| &event.event_id).collect();
    let beside = hands.directory.listed_beside(&live);
    session.put_away_of(&beside, MOST_HUSHED).await
}
