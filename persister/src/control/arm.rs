//! Arming: the steps by which a shard becomes the one that may grant an event's units.
//!
//! A first arming is steps 1, 2, 3 and 7 of an arming. An event that was open before may have wins
//! that the shard lacks, so between 3 and 7 it is drained, marked, read and united with MySQL.
//! Cut short anywhere, an arming begins again with a higher epoch. Each step was put there by an
//! interleaving that loses or doubles a win without it: ARCHITECTURE.md tells them.

use std::time::Duration;

use contract::directory::Listing;
use contract::event::Phase;
use links::redis::{Cluster, ShardState};
use tokio::time::{Instant, sleep};
use tracing::info;

use super::plan::{Waiting, listing};
use super::shard::{self, Applied, ArmReply, ArmedAs};
use super::take::{Hands, Taken, Trouble};
use super::{markers, unite};
use crate::failpoint::Point;
use crate::metrics::{self, RearmStep};
use crate::store::Session;
use crate::store::epochs::{Armed, Author, Compared, Moved, Which};
use crate::store::events::Event;

/// Between the fence and everything that may put units on sale: by then no edge says anything from
/// memory, or of a call, that is older than the fence.
const DRAIN: Duration = Duration::from_secs(1);
/// How often late wins may turn up while the shard is about to be opened; each costs a uniting.
const MAX_UNITINGS: usize = 8;

/// An arming that is under way.
pub(super) struct Begun<'a> {
    pub(super) event: &'a Event,
    pub(super) epoch: u64,
    armer: String,
}

impl Begun<'_> {
    pub(super) fn author<'a>(&'a self, hands: &'a Hands) -> Author<'a> {
        Author { event: &self.event.event_id, epoch: self.epoch, owner: hands.owner.text() }
    }

    pub(super) fn armed_as<'a>(&'a self, armed: &'a Armed) -> ArmedAs<'a> {
        ArmedAs {
            event: &self.event.event_id,
            epoch: self.epoch,
            armer: &self.armer,
            replid: &armed.identity,
        }
    }
}

/// A step was taken, or the arming ends here for now.
pub(super) type Or<T> = Result<T, Taken>;

/// Arms an event that was never open.
pub(super) async fn arm_first(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Taken, Trouble> {
    let started = Instant::now();
    let begun = match begin(hands, session, event, Which::First).await? {
        Ok(begun) => begun,
        // Rows of an arming that MySQL does not know: they are to be united.
        Err(Moved::HasRows) => return arm_again(hands, session, event).await,
        Err(moved) => return Ok(taken(moved)),
    };
    let armed = match arm_shard(hands, session, &begun).await? {
        Ok(armed) => armed,
        Err(taken) => return Ok(taken),
    };
    let opened = open(hands, session, &begun, &armed).await?.unwrap_or_else(taken);
    if opened == Taken::Step {
        info!(event = %event.event_id, epoch = begun.epoch, "armed");
        metrics::armed(started.elapsed());
    }
    Ok(opened)
}

/// Arms an event that was open before: after a failover, a restart, or an arming cut short.
pub(super) async fn arm_again(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
) -> Result<Taken, Trouble> {
    let mut watch = Watch::start();
    // 1, 2: from here no answer of another master can be told by the Kafka way.
    let begun = match begin(hands, session, event, Which::Again).await? {
        Ok(begun) => begun,
        Err(moved) => return Ok(taken(moved)),
    };
    watch.lap(RearmStep::Fence);
    // 3: the shard grants nothing, and whatever was said from before it is forgotten.
    let armed = match arm_shard(hands, session, &begun).await? {
        Ok(armed) => armed,
        Err(taken) => return Ok(taken),
    };
    sleep(DRAIN).await;
    watch.lap(RearmStep::Shard);
    // 4, 5: what edges published before the marker is a row, what comes behind it is late.
    markers::append(hands, &begun).await?;
    hands.store.renew(session).await?;
    Point::ArmMarked.reach_for(&event.event_id);
    watch.lap(RearmStep::Mark);
    if let Err(taken) = markers::read_past(session, &begun).await? {
        return Ok(taken);
    }
    watch.lap(RearmStep::Read);
    Point::ArmRead.reach_for(&event.event_id);
    // 6, 7: what the shard, MySQL and the late records have becomes one.
    let opened = unite_and_open(hands, session, &begun, &armed, &mut watch).await?;
    if opened == Taken::Step {
        metrics::rearm_seconds(RearmStep::Whole, watch.started.elapsed());
        let took_ms = watch.started.elapsed().as_millis();
        info!(event = %event.event_id, epoch = begun.epoch, took_ms, "armed again");
    }
    Ok(opened)
}

/// Ends an arming whose shard was about to be opened; nothing was granted since, by the compare.
pub(super) async fn open_again(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
    state: &ShardState,
) -> Result<Taken, Trouble> {
    let Some(arming) = &event.arming else {
        return Ok(Taken::LookAgain);
    };
    let armed = ArmedAs {
        event: &event.event_id,
        epoch: event.epoch,
        armer: &arming.armer,
        replid: &arming.identity,
    };
    let ledger = unite::ledger(session, &event.event_id, state.sequence).await?;
    let opened = shard::open(&hands.cluster, event, armed, ledger).await?;
    Point::ArmOpened.reach_for(&event.event_id);
    Ok(of_open(opened))
}

/// 1 MySQL: a new epoch. 2 Directory: fenced, on all brokers in sync.
async fn begin<'a>(
    hands: &Hands,
    session: &mut Session,
    event: &'a Event,
    which: Which,
) -> Result<Result<Begun<'a>, Moved>, Trouble> {
    let armer = uuid::Uuid::now_v7().simple().to_string();
    let author = Author { event: &event.event_id, epoch: event.epoch, owner: hands.owner.text() };
    let epoch = match session.begin_epoch(author, &armer, which).await? {
        Compared::Done(epoch) => epoch,
        Compared::Moved(moved) => return Ok(Err(moved)),
    };
    Point::ArmEpochRaised.reach_for(&event.event_id);
    let begun = Begun { event, epoch, armer };
    markers::tries(|| hands.directory.say(fencing(&begun))).await?;
    // MySQL ends a session that waited while Kafka was tried again.
    hands.store.renew(session).await?;
    Point::ArmFenced.reach_for(&event.event_id);
    Ok(Ok(begun))
}

/// While fenced the version is 0, so that whatever follows in this epoch is higher.
fn fencing(begun: &Begun<'_>) -> Listing {
    Listing { epoch: begun.epoch, version: 0, phase: Phase::Fencing, ..listing(begun.event) }
}

/// 3 Redis: the shard carries the epoch and grants nothing. Only on the node that a majority of
/// the masters names just now, and never on one with a lower config epoch than was armed before.
async fn arm_shard(
    hands: &Hands,
    session: &mut Session,
    begun: &Begun<'_>,
) -> Result<Or<Armed>, Trouble> {
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
        // It was replaced a moment ago, and most have not heard: a pause, not another epoch.
        ArmReply::Replica => return Ok(Err(Taken::Blocked(Waiting::NoMaster.into()))),
        ArmReply::Ahead(_) => return Ok(Err(Taken::LookAgain)),
    };
    Point::ArmShardTaken.reach_for(&event.event_id);
    Ok(match session.note_arming(begun.author(hands), &begun.armer, &armed).await? {
        Compared::Done(()) => {
            Point::ArmNoted.reach_for(&event.event_id);
            Ok(armed)
        }
        Compared::Moved(moved) => Err(taken(moved)),
    })
}

/// 6 and 7, and 6 again for what came late in between.
async fn unite_and_open(
    hands: &Hands,
    session: &mut Session,
    begun: &Begun<'_>,
    armed: &Armed,
    watch: &mut Watch,
) -> Result<Taken, Trouble> {
    for _ in 0..MAX_UNITINGS {
        if let Err(taken) = unite::unite(hands, session, begun, armed).await? {
            return Ok(taken);
        }
        Point::ArmUnited.reach_for(&begun.event.event_id);
        watch.lap(RearmStep::Unite);
        match open(hands, session, begun, armed).await? {
            Err(Moved::Late) => {}
            opened => {
                watch.lap(RearmStep::Open);
                return Ok(opened.unwrap_or_else(taken));
            }
        }
    }
    Ok(Taken::LookAgain)
}

/// 7 MySQL first: from here on claims may have been granted, whatever becomes of us. Then Redis:
/// all of MySQL's row at its version.
async fn open(
    hands: &Hands,
    session: &mut Session,
    begun: &Begun<'_>,
    armed: &Armed,
) -> Result<Result<Taken, Moved>, Trouble> {
    let event = match session.note_opening(begun.author(hands), &begun.armer).await? {
        Compared::Done(event) => event,
        Compared::Moved(moved) => return Ok(Err(moved)),
    };
    Point::ArmOpening.reach_for(&event.event_id);
    let state = hands.cluster.state(&event.event_id).await?;
    let known = state.map_or(0, |state| state.sequence);
    let ledger = unite::ledger(session, &event.event_id, known).await?;
    let opened = shard::open(&hands.cluster, &event, begun.armed_as(armed), ledger).await?;
    Point::ArmOpened.reach_for(&event.event_id);
    Ok(Ok(of_open(opened)))
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
        Moved::Epoch(_)
        | Moved::Version(_)
        | Moved::HasRows
        | Moved::Step
        | Moved::Late
        | Moved::Gone => Taken::LookAgain,
    }
}

/// Times the steps of an arming.
struct Watch {
    started: Instant,
    lap: Instant,
}

impl Watch {
    fn start() -> Self {
        let now = Instant::now();
        Self { started: now, lap: now }
    }

    fn lap(&mut self, step: RearmStep) {
        metrics::rearm_seconds(step, self.lap.elapsed());
        self.lap = Instant::now();
    }
}
