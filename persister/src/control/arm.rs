//! Arming: the steps by which a shard becomes the one that may grant an event's units.
//!
//! A first arming is steps 1, 2, 3 and 7 of an arming. What an arming of an event that was open
//! needs besides (the drain, the markers, uniting the shard with MySQL) stands between 3 and 7.

use contract::directory::Listing;
use contract::event::Phase;
use links::redis::Cluster;
use tokio::time::Instant;
use tracing::info;

use super::plan::{Rearm, Waiting, listing};
use super::shard::{self, Applied, ArmReply, Ledger};
use super::take::{Hands, Taken, Trouble};
use crate::metrics;
use crate::store::Session;
use crate::store::epochs::{Armed, Author, Compared, Moved};
use crate::store::events::Event;

/// An arming that is under way.
struct Begun<'a> {
    event: &'a Event,
    epoch: u64,
    armer: String,
}

impl Begun<'_> {
    fn author<'a>(&'a self, hands: &'a Hands) -> Author<'a> {
        Author { event: &self.event.event_id, epoch: self.epoch, owner: hands.owner.text() }
    }
}

/// Arms an event that was never open. Cut short anywhere, it begins again with a higher epoch.
pub(super) async fn arm_first(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Taken, Trouble> {
    let started = Instant::now();
    // 1 MySQL: a new epoch.
    let armer = uuid::Uuid::now_v7().simple().to_string();
    let author = Author { event: &event.event_id, epoch: event.epoch, owner: hands.owner.text() };
    let epoch = match session.begin_first_epoch(author, &armer).await? {
        Compared::Done(epoch) => epoch,
        Compared::Moved(moved) => return Ok(taken(moved)),
    };
    let begun = Begun { event, epoch, armer };
    // 2 Directory: fenced.
    hands.directory.say(fencing(&begun)).await?;
    // 3 Redis: the shard carries the epoch and grants nothing.
    let armed = match arm_shard(hands, session, &begun).await? {
        Ok(armed) => armed,
        Err(taken) => return Ok(taken),
    };
    // 7 Redis: MySQL's row. There was no win that it could lack.
    let opened = open_begun(hands, session, &begun, &armed, Ledger::default()).await?;
    if opened == Taken::Step {
        info!(event = %event.event_id, epoch, "armed");
        metrics::armed(started.elapsed());
    }
    Ok(opened)
}

/// Ends an arming whose shard was about to be opened; nothing was granted since, by the compare.
pub(super) async fn open_again(hands: &Hands, event: &Event) -> Result<Taken, Trouble> {
    let Some(arming) = &event.arming else {
        return Ok(Taken::Blocked(Rearm::Interrupted.into()));
    };
    let opened =
        shard::open(&hands.cluster, event, &arming.armer, &arming.identity, Ledger::default())
            .await?;
    Ok(of_open(opened))
}

/// While fenced the version is 0, so that whatever follows in this epoch is higher.
fn fencing(begun: &Begun<'_>) -> Listing {
    Listing { epoch: begun.epoch, version: 0, phase: Phase::Fencing, ..listing(begun.event) }
}

/// Only on the node that a majority of the masters names just now, and never on one with a lower
/// config epoch than was armed before.
async fn arm_shard(
    hands: &Hands,
    session: &mut Session,
    begun: &Begun<'_>,
) -> Result<Result<Armed, Taken>, Trouble> {
    let event = begun.event;
    let slot = Cluster::slot_of(&event.event_id);
    let Some(master) = hands.cluster.ask_master_of(slot).await else {
        return Ok(Err(Taken::Blocked(Waiting::NoMaster.into())));
    };
    let reply = shard::arm(
        &hands.cluster,
        &master,
        &event.event_id,
        begun.epoch,
        &begun.armer,
        event.highest_config_epoch,
    );
    let armed = match reply.await? {
        ArmReply::Armed(armed) => armed,
        ArmReply::Older(epoch) => {
            return Ok(Err(Taken::Blocked(Waiting::OlderMaster(epoch).into())));
        }
        ArmReply::Replica | ArmReply::Ahead(_) => return Ok(Err(Taken::LookAgain)),
    };
    let author = begun.author(hands);
    Ok(match session.note_arming(author, &begun.armer, &armed).await? {
        Compared::Done(()) => Ok(armed),
        Compared::Moved(moved) => Err(taken(moved)),
    })
}

/// MySQL first: from here on claims may have been granted, whatever becomes of us.
async fn open_begun(
    hands: &Hands,
    session: &mut Session,
    begun: &Begun<'_>,
    armed: &Armed,
    ledger: Ledger,
) -> Result<Taken, Trouble> {
    let event = match session.note_opening(begun.author(hands), &begun.armer).await? {
        Compared::Done(event) => event,
        Compared::Moved(moved) => return Ok(taken(moved)),
    };
    let opened = shard::open(&hands.cluster, &event, &begun.armer, &armed.identity, ledger).await?;
    Ok(of_open(opened))
}

fn of_open(applied: Applied) -> Taken {
    match applied {
        Applied::Done => Taken::Step,
        Applied::Moved | Applied::Held(_) => Taken::LookAgain,
    }
}

/// What a compare in MySQL that failed means for the step.
pub(super) fn taken(moved: Moved) -> Taken {
    match moved {
        Moved::NotLeader => Taken::NotLeader,
        Moved::HasRows => Taken::Blocked(Rearm::HasRows.into()),
        Moved::Epoch(_) | Moved::Version(_) | Moved::Step | Moved::Gone => Taken::LookAgain,
    }
}
