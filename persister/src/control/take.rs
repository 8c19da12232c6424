//! Takes one event towards what operators want, step by step, until nothing is left to do or
//! nothing can be done.

use std::sync::Arc;

use links::kafka::KafkaError;
use links::redis::{Cluster, RedisError};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::plan::{Rearm, Sight, Step, Waiting, Why, is_fenced, plan};
use super::shard::look;
use super::{Archiving, archive, arm, carry};
use crate::coupon_log::CouponLog;
use crate::directory::DirectoryLog;
use crate::lease::{HeldUntil, Owner};
use crate::metrics::{self, Server};
use crate::reconcile;
use crate::status::Status;
use crate::store::events::{Event, fitting};
use crate::store::{Session, Store, StoreError};

/// The most steps in one go: a first arming and a change take six.
const MAX_STEPS: usize = 12;

/// What the control of events works with.
pub struct Hands {
    /// MySQL.
    pub store: Store,
    /// Redis.
    pub cluster: Cluster,
    /// The directory.
    pub directory: Arc<DirectoryLog>,
    /// `coupon-issued`.
    pub log: Arc<CouponLog>,
    /// This process.
    pub owner: Owner,
    /// Until when it surely leads.
    pub held_until: HeldUntil,
    /// What it remembers of events that it archives.
    pub archiving: Archiving,
    /// Where it is noted which events are fenced.
    pub status: Arc<Status>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was taken.
    Step,
    /// Something else had changed: nothing was done, look again.
    LookAgain,
    /// Nothing can be done now.
    Blocked(Why),
    /// This process does not lead any more.
    NotLeader,
}

/// Why a step has to be tried again. It may have been taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("MySQL: {0}")]
    Store(#[from] StoreError),
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Settle(#[from] reconcile::Trouble),
}

impl Trouble {
    fn server(&self) -> Server {
        use reconcile::Trouble::{Behind, Kafka, Redis};
        match self {
            Self::Redis(_) | Self::Settle(Redis(_)) => Server::Redis,
            Self::Kafka(_) | Self::Settle(Kafka(_) | Behind { .. }) => Server::Kafka,
            Self::Store(_) | Self::Settle(_) => Server::Mysql,
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// MySQL, shard and directory agree.
    Settled,
    /// Steps are left; take it up again at once.
    Unfinished,
    /// Nothing can be done now.
    Blocked(Why),
    /// This process does not lead any more.
    NotLeader,
}

/// Takes an event as far as it goes. `listed` may be some time old: it is a reason to look, not to
/// act.
pub(super) async fn take(hands: &Hands, listed: &Event) -> Outcome {
    let sight = look(&hands.cluster, &listed.event_id).await;
    hands.status.fenced.note(&listed.event_id, is_fenced(listed, &sight));
    let said = hands.directory.said(&listed.event_id);
    if plan(listed, &sight, said.as_ref()) == Step::Settled {
        return Outcome::Settled;
    }
    match go(hands, listed).await {
        Ok(outcome) => outcome,
        Err(trouble) => {
            metrics::retry(metrics::Retried::Control, trouble.server());
            Outcome::Blocked(Waiting::Trouble(trouble.to_string()).into())
        }
    }
}

async fn go(hands: &Hands, listed: &Event) -> Result<Outcome, Trouble> {
    let mut session = hands.store.connect().await?;
    for _ in 0..MAX_STEPS {
        let Some(event) = session.event(&listed.event_id).await? else {
            return Ok(Outcome::Settled);
        };
        if *hands.held_until.borrow() <= Instant::now() {
            return Ok(Outcome::NotLeader);
        }
        let sight = look(&hands.cluster, &event.event_id).await;
        hands.status.fenced.note(&event.event_id, is_fenced(&event, &sight));
        let said = hands.directory.said(&event.event_id);
        let step = plan(&event, &sight, said.as_ref());
        let taken = match step {
            Step::Settled => return Ok(Outcome::Settled),
            Step::Blocked(why) => Ok(Taken::Blocked(why)),
            step => {
                debug!(event = %event.event_id, step = step.name(), "takes a step");
                metrics::control_step(step.name());
                take_step(hands, &mut session, &event, &sight, step).await
            }
        };
        match taken {
            Ok(Taken::Step | Taken::LookAgain) => {}
            Ok(Taken::NotLeader) => return Ok(Outcome::NotLeader),
            Ok(Taken::Blocked(why)) => {
                note_waiting(&mut session, &event, &why).await?;
                return Ok(Outcome::Blocked(why));
            }
            Err(trouble) => return tell(hands, &event, trouble).await,
        }
    }
    Ok(Outcome::Unfinished)
}

async fn take_step(
    hands: &Hands,
    session: &mut Session,
    event: &Event,
    sight: &Sight,
    step: Step,
) -> Result<Taken, Trouble> {
    match (step, sight) {
        (Step::Arm, _) => arm::arm_first(hands, session, event).await,
        (Step::Rearm(why), _) => {
            warn!(event = %event.event_id, epoch = event.epoch, %why, "fenced; is armed again");
            // What the arming waited for that was cut short says more, and still holds.
            if why != Rearm::Interrupted || event.waiting_for.is_empty() {
                session.note_waiting(&event.event_id, &format!("is armed again: {why}")).await?;
            }
            arm::arm_again(hands, session, event).await
        }
        (Step::Open, Sight::Present(_, state)) => {
            arm::open_again(hands, session, event, state).await
        }
        (Step::RenewIdentity { from, to }, _) => {
            carry::renew(hands, session, event, &from, &to).await
        }
        (Step::Carry { phase }, Sight::Present(_, state)) => {
            carry::carry(hands, event, state, phase).await
        }
        (Step::ChangeCoupons, Sight::Present(_, state)) => {
            carry::change_coupons(hands, session, event, state).await
        }
        (Step::EndReopening, Sight::Present(_, state)) => {
            carry::end_reopening(hands, event, state).await
        }
        (Step::NoteOpen, _) => carry::note_open(hands, session, event).await,
        (Step::Announce, _) => carry::announce(hands, event).await,
        (Step::NoteCarried, _) => carry::note_carried(session, event).await,
        (Step::Settle, _) => archive::settle(hands, session, event).await,
        (Step::Delist, _) => archive::delist(hands, event).await,
        (Step::PutAway, _) => archive::put_away(hands, session, event).await,
        (Step::Blocked(why), _) => Ok(Taken::Blocked(why)),
        // What needs a state is planned where there is one.
        (step, _) => {
            debug!(step = step.name(), "there is no state");
            Ok(Taken::LookAgain)
        }
    }
}

/// The session may be spent: what is waited for is told in another one.
async fn tell(hands: &Hands, event: &Event, trouble: Trouble) -> Result<Outcome, Trouble> {
    metrics::retry(metrics::Retried::Control, trouble.server());
    let why = Why::from(Waiting::Trouble(trouble.to_string()));
    let mut session = hands.store.connect().await?;
    note_waiting(&mut session, event, &why).await?;
    Ok(Outcome::Blocked(why))
}

async fn note_waiting(session: &mut Session, event: &Event, why: &Why) -> Result<(), StoreError> {
    let text = fitting(&why.to_string());
    if event.waiting_for != text {
        session.note_waiting(&event.event_id, &text).await?;
    }
    Ok(())
}
