//! Carrying a change of operators: to the shard, to the directory, and the note that it was done.

use std::time::Duration;

use contract::event::Phase;
use links::redis::ShardState;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::arm::taken;
use super::plan::{Halt, listing};
use super::shard::{self, Applied, ChangeReply, Expected};
use super::take::{Hands, Taken, Trouble};
use crate::store::Session;
use crate::store::epochs::{Author, Compared};
use crate::store::events::Event;

/// How long an event stays `reopening`: twice as long as an edge may say sold out from memory.
const REOPENING: Duration = Duration::from_millis(200);

/// Brings MySQL's row to the shard.
pub(super) async fn carry(
    hands: &Hands,
    event: &Event,
    state: &ShardState,
    phase: Phase,
) -> Result<Taken, Trouble> {
    let applied = shard::apply(&hands.cluster, expected(state), event, phase).await?;
    if applied == Applied::Done {
        info!(
            event = %event.event_id,
            version = event.version,
            phase = phase.as_str(),
            "carried to its shard"
        );
    }
    Ok(of(applied))
}

/// Coupons of one call, some 75 µs of Redis each.
const CHANGES: usize = 100;

/// Brings coupons that operators changed to the shard. Cut short it is done again, and changes
/// nothing twice: each change has its revision.
pub(super) async fn change_coupons(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
    state: &ShardState,
) -> Result<Taken, Trouble> {
    loop {
        let changes = session.pending_changes(&event.event_id, CHANGES).await?;
        if changes.is_empty() {
            return Ok(Taken::Step);
        }
        match shard::change(&hands.cluster, expected(state), event, &changes).await? {
            ChangeReply::Changed { missing: 0 } => {}
            // It lacks wins that are rows: they come back when it is armed again.
            ChangeReply::Changed { missing } => {
                warn!(event = %event.event_id, missing, "the shard lacks coupons that were changed");
                session.ask_rearm(&event.event_id, event.epoch).await?;
            }
            ChangeReply::Moved => return Ok(Taken::LookAgain),
        }
        for change in &changes {
            session.forget_change(&event.event_id, change).await?;
        }
        info!(event = %event.event_id, coupons = changes.len(), "changed on its shard");
    }
}

/// Opens an event whose new units waited, if it is still `reopening` by then. A leader that took
/// over waits the whole time again, by its own monotonic clock.
pub(super) async fn end_reopening(
    hands: &Hands,
    event: &Event,
    state: &ShardState,
) -> Result<Taken, Trouble> {
    sleep(REOPENING).await;
    if *hands.held_until.borrow() <= Instant::now() {
        return Ok(Taken::NotLeader);
    }
    Ok(of(shard::apply(&hands.cluster, expected(state), event, Phase::Open).await?))
}

/// Renews the identity, MySQL first: the shard never carries one that MySQL does not know.
pub(super) async fn renew(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
    from: &str,
    to: &str,
) -> Result<Taken, Trouble> {
    match session.note_identity(author(hands, event), to).await? {
        Compared::Done(()) => {}
        Compared::Moved(moved) => return Ok(taken(moved)),
    }
    let renewed = shard::renew(&hands.cluster, &event.event_id, event.epoch, from, to).await?;
    if renewed == Applied::Done {
        info!(event = %event.event_id, "identity renewed: same process, same data");
    }
    Ok(of(renewed))
}

/// Notes that the shard was opened.
pub(super) async fn note_open(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Taken, Trouble> {
    Ok(match session.note_open(author(hands, event), event.version).await? {
        Compared::Done(()) => Taken::Step,
        Compared::Moved(moved) => taken(moved),
    })
}

/// Says in the directory how the event stands.
pub(super) async fn announce(hands: &Hands, event: &Event) -> Result<Taken, Trouble> {
    hands.directory.say(listing(event)).await?;
    info!(
        event = %event.event_id,
        epoch = event.epoch,
        version = event.version,
        phase = event.carried_phase().as_str(),
        "said in the directory"
    );
    Ok(Taken::Step)
}

/// Notes that shard and directory carry the version.
pub(super) async fn note_carried(session: &mut Session, event: &Event) -> Result<Taken, Trouble> {
    session.note_carried(&event.event_id, event.epoch, event.version).await?;
    Ok(Taken::Step)
}

pub(super) fn author<'a>(hands: &'a Hands, event: &'a Event) -> Author<'a> {
    Author { event: &event.event_id, epoch: event.epoch, owner: hands.owner.text() }
}

fn expected(state: &ShardState) -> Expected<'_> {
    Expected {
        epoch: state.epoch,
        identity: &state.identity,
        version: state.version,
        phase: state.phase,
        moves: state.moves,
    }
}

fn of(applied: Applied) -> Taken {
    match applied {
        Applied::Done => Taken::Step,
        Applied::Moved => Taken::LookAgain,
        Applied::Held(units) => Taken::Blocked(Halt::StockBelowHeld(units).into()),
    }
}
