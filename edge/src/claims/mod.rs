//! Claims of one core: what is answered from memory, and what is asked of Redis together.

mod batcher;
mod confirm;
mod latch;
mod look;
mod pace;
pub mod read_winners;
mod settle;
mod shard;
mod sold_out;
mod wait;
pub mod winners;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use contract::coupon::Win;
use contract::ids::{Attempt, CouponId, EventId, UserId};
use links::redis::Cluster;
use links::trace::{Context, Tracer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::directory::Directory;
use crate::directory::probe::Probes;
use crate::metrics::ClaimMetrics;
use crate::publish::Publisher;
use crate::request::RequestId;
use crate::trace;
use batcher::{Asked, Batcher};
use confirm::Confirm;
use pace::Pace;
use settle::Outcome;
use shard::Shards;
use sold_out::{Memory, SoldOut};

pub use sold_out::AskedOf;
use winners::{EventWinners, Membership, Winners};

/// Claims of one event that may wait on one core: 32 calls of 128.
pub const MAX_WAITING: usize = 4_096;
/// Events that one core answers for at a time.
pub const MAX_EVENTS: usize = 4_096;

/// One user's request for one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who asks.
    pub user: UserId,
    /// Names this attempt.
    pub attempt: Attempt,
    /// The coupon that a win would be.
    pub coupon: CouponId,
    /// Names the request.
    pub request_id: Option<RequestId>,
    /// Its span, if it is traced.
    pub trace: Option<Context>,
}

impl Claim {
    /// Units of a claim.
    pub const QUANTITY: u32 = 1;

    /// A claim, with a coupon that is new.
    pub fn new(user: UserId, attempt: Attempt, request_id: Option<RequestId>) -> Self {
        Self { user, attempt, coupon: CouponId::new(), request_id, trace: None }
    }

    /// The same, which is traced below this span.
    #[must_use]
    pub fn traced(self, trace: Option<Context>) -> Self {
        Self { trace, ..self }
    }
}

/// What is told to a claim's user. It is held twice, or by Kafka: see [`confirm`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A unit was granted.
    Issued(Win),
    /// The user has this one already.
    AlreadyIssued(Win),
    /// The user holds as many as allowed.
    LimitReached(Vec<Win>),
    /// The user's limit is used up by coupons that were revoked.
    Revoked,
    /// No unit is left.
    SoldOut,
    /// The event is not open yet.
    NotOpen {
        /// Unix milliseconds; 0 where nobody has said when.
        opens_at_ms: u64,
        /// Unix milliseconds on the shard's clock.
        now_ms: u64,
    },
    /// An operator has stopped it.
    Paused,
    /// It is over.
    Closed,
}

/// Why nothing can be told now. Asking again gives the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Untold {
    /// A queue or the publisher's buffer is full.
    Busy,
    /// New units are about to go on sale.
    Reopening,
    /// The shard may not answer for the event.
    Fenced,
    /// What the shard answered could not be confirmed in time.
    Unconfirmed,
    /// The shard did not answer.
    Unavailable,
}

/// The claims of one core. Everything in it stays on the core's thread.
pub struct Claims {
    parts: Rc<Parts>,
    winners: Winners,
    sold_out: AskedOf,
    desks: Desks,
    batchers: RefCell<JoinSet<()>>,
}

/// What batchers and lookers work with.
struct Parts {
    shards: Shards,
    directory: Directory,
    publisher: Publisher,
    confirm: Confirm,
    metrics: ClaimMetrics,
    tracer: Tracer,
}

/// What every core's claims are made from.
#[derive(Clone)]
pub struct Sources {
    /// Who owns which slot.
    pub cluster: Cluster,
    /// Which events there are.
    pub directory: Directory,
    /// Where wins go.
    pub publisher: Publisher,
    /// Shows that the directory was read.
    pub probes: Probes,
    /// Who has won, of events that are sold out.
    pub winners: Winners,
    /// Where it is learnt that nothing is left.
    pub sold_out: AskedOf,
    /// Who traces claims.
    pub tracer: Tracer,
}

type Desks = Rc<RefCell<HashMap<EventId, Desk>>>;

/// Where one event's claims are handed in on this core.
struct Desk {
    asked: mpsc::Sender<Asked>,
    pace: Rc<Pace>,
    memory: Rc<RefCell<Memory>>,
    winners: Arc<EventWinners>,
}

impl Desk {
    /// Where to hand in one more, unless it would wait too long.
    fn takes(&self) -> Result<mpsc::Sender<Asked>, Untold> {
        let waiting = self.asked.max_capacity() - self.asked.capacity();
        if self.pace.is_too_slow_behind(waiting) {
            return Err(Untold::Busy);
        }
        Ok(self.asked.clone())
    }
}

impl Claims {
    /// The claims of one core, which begins with no event.
    pub fn new(sources: Sources, metrics: ClaimMetrics) -> Self {
        let Sources { cluster, directory, publisher, probes, winners, sold_out, tracer } = sources;
        let confirm =
            Confirm::new(publisher.clone(), probes, directory.clone(), metrics.confirm.clone());
        let shards = Shards::new(cluster);
        let parts = Parts { shards, directory, publisher, confirm, metrics, tracer };
        Self {
            parts: Rc::new(parts),
            winners,
            sold_out,
            desks: Desks::default(),
            batchers: RefCell::default(),
        }
    }

    /// Whether memory says that nothing is left, and that this user is no winner of it.
    pub fn is_sold_out_for(&self, event: &EventId, user: &UserId) -> bool {
        if self.sold_out == AskedOf::Redis {
            return false;
        }
        let desks = self.desks.borrow();
        let Some(desk) = desks.get(event) else {
            return false;
        };
        let Some(SoldOut { epoch, sequence, .. }) = desk.memory.borrow_mut().recall(Instant::now())
        else {
            return false;
        };
        desk.winners.find(epoch, sequence, user) == Membership::NotMember
    }

    /// Asks Redis, together with whoever asks at the same time. What is told is held twice, or by
    /// Kafka.
    pub async fn ask(&self, event: &EventId, claim: Claim, deadline: Instant) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let waits = trace::waits(&self.parts.tracer, claim.trace);
        let since = Instant::now();
        self.hand_in(event, Asked { claim, since, deadline, answer, waits })?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(outcome)) => outcome,
            // Too late, or the batcher is gone: what became of the claim is not known.
            Ok(Err(_)) | Err(_) => Err(Untold::Unavailable),
        }
    }

    fn hand_in(&self, event: &EventId, asked: Asked) -> Result<(), Untold> {
        let known = self.desks.borrow().get(event).map(Desk::takes).transpose()?;
        let desk = match known {
            Some(desk) => desk,
            None => self.open_desk(event)?,
        };
        desk.try_send(asked).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Untold::Busy,
            mpsc::error::TrySendError::Closed(_) => {
                self.desks.borrow_mut().remove(event);
                Untold::Unavailable
            }
        })
    }

    fn open_desk(&self, event: &EventId) -> Result<mpsc::Sender<Asked>, Untold> {
        if self.desks.borrow().len() >= MAX_EVENTS {
            return Err(Untold::Busy);
        }
        let (sender, asked) = mpsc::channel(MAX_WAITING);
        let memory = Rc::default();
        let winners = self.winners.of(event);
        let pace = Rc::default();
        let desk = Desk { asked: sender.clone(), pace, memory: Rc::clone(&memory), winners };
        let batcher = Batcher::new(event, asked, &desk, &self.parts, &self.desks);
        self.desks.borrow_mut().insert(event.clone(), desk);
        let mut batchers = self.batchers.borrow_mut();
        while batchers.try_join_next().is_some() {}
        batchers.spawn_local(batcher.run());
        Ok(sender)
    }

    /// Answers what was handed in, and takes no more.
    pub async fn finish(&self) {
        self.desks.borrow_mut().clear();
        let batchers = self.batchers.take();
        batchers.join_all().await;
    }
}
