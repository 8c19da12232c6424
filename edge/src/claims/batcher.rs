//! One batcher a core and event: claims that arrive while a script call is under way go together
//! in the next one. No timer, so a lone claim never waits.
//!
//! A batcher is nobody's request: a client that goes away cancels nothing.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use contract::claim_script::{Header, MAX_CLAIMS};
use contract::event::Confirm as Level;
use contract::ids::EventId;
use contract::keys::EventKeys;
use contract::record;
use links::claims::{self as script, ClaimReply};
use links::redis::{Cluster, RedisError, Slot};
use links::script_connection::{Held, WaitFor};
use links::trace::{Span, Tracer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, error, warn};

use super::confirm::Unconfirmed;
use super::pace::Pace;
use super::settle::{Outcome, Shown, outcome};
use super::shard::Purpose;
use super::sold_out::{Memory, SoldOut};
use super::winners::EventWinners;
use super::{Claim, Desk, Desks, Parts, Told, Untold};
use crate::failpoint::Point;
use crate::publish::{Publication, Room, ShownWin};
use crate::request::RequestId;
use crate::trace;

/// A batcher that nobody has asked for this long ends.
const IDLE: Duration = Duration::from_secs(60);
/// Before a batch that was not executed is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Batches of one event that wait for Kafka at a time, on one core.
const MAX_CONFIRMING: usize = 8;

/// A claim that waits for its answer.
pub(super) struct Asked {
    pub(super) claim: Claim,
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Outcome>,
    /// Ends with the call that asks, if it is traced.
    pub(super) waits: Option<Span>,
}

/// Answers one event's claims on one core.
pub(super) struct Batcher {
    event: Rc<Event>,
    asked: mpsc::Receiver<Asked>,
    desks: Desks,
    confirming: JoinSet<()>,
}

/// What a batcher and its batches that wait for Kafka share.
struct Event {
    id: EventId,
    slot: Slot,
    keys: EventKeys,
    pace: Rc<Pace>,
    memory: Rc<RefCell<Memory>>,
    winners: Arc<EventWinners>,
    parts: Rc<Parts>,
}

/// What came of a call.
enum Call {
    /// An answer to each claim.
    Answered(Answered),
    /// It may be tried again.
    NotExecuted,
    /// It may not.
    Failed(Untold),
}

struct Answered {
    header: Header,
    outcomes: Vec<Outcome>,
    held: Held,
    sent: Instant,
    room: Room,
}

impl Asked {
    fn is_waited_for(&self, now: Instant) -> bool {
        now < self.deadline && !self.answer.is_closed()
    }

    /// It goes with a call: its wait ends, and the call's span begins.
    fn goes(&mut self, tracer: &Tracer) -> Option<Span> {
        if let Some(waits) = self.waits.take() {
            waits.end();
        }
        trace::asks(tracer, self.claim.trace)
    }

    fn tell(self, outcome: Outcome) {
        // Whoever does not wait any more asks again and gets the same.
        let _ = self.answer.send(outcome);
    }
}

impl Batcher {
    pub(super) fn new(
        id: &EventId,
        asked: mpsc::Receiver<Asked>,
        desk: &Desk,
        parts: &Rc<Parts>,
        desks: &Desks,
    ) -> Self {
        let event = Event {
            id: id.clone(),
            slot: Cluster::slot_of(id),
            keys: EventKeys::new(id),
            pace: Rc::clone(&desk.pace),
            memory: Rc::clone(&desk.memory),
            winners: Arc::clone(&desk.winners),
            parts: Rc::clone(parts),
        };
        let desks = Rc::clone(desks);
        Self { event: Rc::new(event), asked, desks, confirming: JoinSet::new() }
    }

    /// Answers until nobody has asked for a while, or nobody can any more.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_CLAIMS);
        loop {
            match timeout(IDLE, self.asked.recv_many(&mut batch, MAX_CLAIMS)).await {
                Ok(0) => break,
                Ok(_) => {
                    let began = Instant::now();
                    self.answer(&mut batch).await;
                    self.event.pace.note(began.elapsed());
                }
                Err(_) if self.retire() => break,
                Err(_) => {}
            }
        }
        self.confirming.join_all().await;
    }

    /// Gives up the event's desk, unless somebody has just handed in a claim.
    fn retire(&self) -> bool {
        let idle = self.asked.is_empty();
        if idle {
            self.desks.borrow_mut().remove(&self.event.id);
        }
        idle
    }

    /// Answers a batch, or has it answered once Kafka has it, and leaves it empty.
    async fn answer(&mut self, batch: &mut Vec<Asked>) {
        loop {
            let now = Instant::now();
            batch.retain(|asked| asked.is_waited_for(now));
            if batch.is_empty() {
                return;
            }
            match self.event.call(batch).await {
                Call::Answered(answered) => {
                    return self.settle(std::mem::take(batch), answered).await;
                }
                Call::NotExecuted => sleep(RETRY_PAUSE).await,
                Call::Failed(why) => return tell_all(batch.drain(..), why),
            }
        }
    }

    /// Tells what may be told now; what may not yet waits for Kafka while the next batch goes on.
    async fn settle(&mut self, batch: Vec<Asked>, answered: Answered) {
        let nothing_to_confirm = answered.outcomes.iter().all(Result::is_err);
        if answered.held == Held::Twice || nothing_to_confirm {
            return self.event.tell_and_publish(batch, answered);
        }
        while self.confirming.len() >= MAX_CONFIRMING {
            self.confirming.join_next().await;
        }
        while self.confirming.try_join_next().is_some() {}
        let event = Rc::clone(&self.event);
        self.confirming.spawn_local(async move { event.confirm_and_tell(batch, answered).await });
    }
}

impl Event {
    /// Asks the event's shard. Claims that the publisher has no room for are told so and leave the
    /// batch.
    async fn call(&self, batch: &mut Vec<Asked>) -> Call {
        let parts = &self.parts;
        let Ok(standing) = parts.directory.find(&self.id) else {
            return Call::Failed(Untold::Fenced);
        };
        let Some(shard) = parts.shards.owner_of(self.slot) else {
            parts.shards.refresh_soon();
            return Call::NotExecuted;
        };
        let mut lease = match shard.connection(Purpose::Claim).await {
            Ok(lease) => lease,
            Err(error) => return self.failed(&error),
        };
        // After the connection: a shard that hangs keeps room for a few batches at most.
        let room = parts.publisher.reserve(batch.len());
        tell_all(batch.drain(room.wins()..), Untold::Busy);
        if batch.is_empty() {
            lease.give_back();
            return Call::Failed(Untold::Busy);
        }
        let wait = match standing.confirm {
            Level::Log => WaitFor::Skip,
            Level::Replica => shard.wait_for(parts.shards.replicas()),
        };
        let spans = self.begin_spans(batch);
        let claims: Vec<_> = batch.iter().map(|asked| script_claim(&asked.claim)).collect();
        Point::BeforeScript.reach();
        let sent = Instant::now();
        if let Some(first) = batch.first() {
            parts.metrics.batch_wait.record(sent.duration_since(first.since).as_secs_f64());
        }
        let mut reply = script::claim(&mut lease.connection, &self.keys, &claims, wait).await;
        if Point::ScriptAnswer.loses() {
            reply = Err(RedisError::Unknown("lost at a failpoint".to_owned()));
        }
        let waited = lease.connection.waited();
        lease.give_back();
        let took = sent.elapsed();
        parts.metrics.call(took, batch.len());
        if reply.is_ok() {
            parts.metrics.script_seconds.record(took.saturating_sub(waited).as_secs_f64());
        }
        let held = reply.as_ref().ok().map(|(_, held)| *held);
        spans.into_iter().for_each(|span| trace::asked(span, batch.len(), held));
        match reply {
            Ok((ClaimReply::Absent, _)) => Call::Failed(Untold::Fenced),
            Ok((ClaimReply::Answered { header, answers }, held)) => {
                shard.waited(wait, held);
                // An event that waits for Kafka asks no replica, late or not.
                if standing.confirm == Level::Replica {
                    parts.metrics.waited(wait, held, waited);
                }
                let outcomes = batch
                    .iter()
                    .zip(answers)
                    .map(|(asked, answer)| {
                        outcome(&asked.claim, answer, &header, standing.opens_at_ms)
                    })
                    .collect();
                Call::Answered(Answered { header, outcomes, held, sent, room })
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Of the claims that are traced: few, and mostly none.
    fn begin_spans(&self, batch: &mut [Asked]) -> Vec<Span> {
        let tracer = &self.parts.tracer;
        if !tracer.is_on() {
            return Vec::new();
        }
        batch.iter_mut().filter_map(|asked| asked.goes(tracer)).collect()
    }

    fn failed(&self, error: &RedisError) -> Call {
        let metrics = &self.parts.metrics;
        match error {
            RedisError::NotOwner(_) | RedisError::NotExecuted(_) => {
                debug!(event = %self.id, %error, "a batch of claims is tried again");
                metrics.not_executed.increment(1);
                self.parts.shards.refresh_soon();
                Call::NotExecuted
            }
            // What was granted, if anything, stands in the outbox: the relay publishes it.
            RedisError::Unknown(_) => {
                warn!(event = %self.id, %error, "what became of a batch of claims is not known");
                metrics.unknown.increment(1);
                self.parts.shards.refresh_soon();
                Call::Failed(Untold::Unavailable)
            }
            RedisError::Refused(_) => {
                error!(event = %self.id, %error, "the claim script failed");
                metrics.refused.increment(1);
                Call::Failed(Untold::Unavailable)
            }
        }
    }

    /// A replica holds it all: tell everybody, then publish what was granted.
    fn tell_and_publish(&self, batch: Vec<Asked>, answered: Answered) {
        let Answered { header, outcomes, sent, room, .. } = answered;
        let shown = shown(&batch, &outcomes);
        let entry = shown.entry(header.epoch);
        Point::BeforeAnswer.reach();
        self.remember(&header, &outcomes, sent);
        for (asked, outcome) in batch.into_iter().zip(outcomes) {
            asked.tell(outcome);
        }
        Point::BeforePublish.reach();
        if !shown.granted.is_empty() {
            let publication =
                self.publication(&header, record::Told::Replica, shown.granted, entry);
            // Nobody waits for it: what is not acknowledged stays in the outbox.
            drop(self.parts.publisher.publish(publication, room));
        }
    }

    /// No replica was shown to hold it: publish, confirm, then tell everybody.
    async fn confirm_and_tell(&self, batch: Vec<Asked>, answered: Answered) {
        let Answered { header, outcomes, sent, room, .. } = answered;
        let shown = shown(&batch, &outcomes);
        let entry = shown.entry(header.epoch);
        let granted = shown.granted.len();
        let wins = [shown.granted, shown.repeated].concat();
        let publication = self.publication(&header, record::Told::Pending, wins, entry);
        let unconfirmed = Unconfirmed { publication, granted, room };
        match self.parts.confirm.by_log(unconfirmed).await {
            Ok(()) => {
                Point::AfterProbe.reach();
                self.remember(&header, &outcomes, sent);
                for (asked, outcome) in batch.into_iter().zip(outcomes) {
                    asked.tell(outcome);
                }
            }
            Err(error) => {
                warn!(event = %self.id, epoch = header.epoch, %error, "a batch is not told");
                for (asked, outcome) in batch.into_iter().zip(outcomes) {
                    asked.tell(outcome.and(Err(Untold::Unconfirmed)));
                }
            }
        }
    }

    fn publication(
        &self,
        header: &Header,
        told: record::Told,
        wins: Vec<ShownWin>,
        entry: Option<String>,
    ) -> Publication {
        for ShownWin { win, request_id, .. } in &wins {
            let request = request_id.as_ref().map(RequestId::as_str);
            debug!(event = %self.id, coupon = %win.coupon, sequence = win.sequence, request, "win");
        }
        Publication { event: self.id.clone(), epoch: header.epoch, told, wins, entry }
    }

    /// What is told is remembered: sold out for a moment, and anything else as the end of that.
    fn remember(&self, header: &Header, outcomes: &[Outcome], sent: Instant) {
        let (epoch, sequence) = (header.epoch, header.sequence);
        if outcomes.contains(&Ok(Told::SoldOut)) {
            self.memory.borrow_mut().remember(SoldOut { sent, epoch, sequence });
            self.winners.latch.told(sent.into_std());
            self.winners.prepare(epoch, sequence);
        } else if outcomes.iter().any(ends_sold_out) {
            self.memory.borrow_mut().forget(sent);
        }
    }
}

/// Whether an answer shows that it is not (or no longer) sold out; what a user holds does not.
fn ends_sold_out(outcome: &Outcome) -> bool {
    let own = matches!(
        outcome,
        Ok(Told::AlreadyIssued(_) | Told::LimitReached(_) | Told::Revoked | Told::SoldOut)
    );
    !own
}

fn shown(batch: &[Asked], outcomes: &[Outcome]) -> Shown {
    Shown::among(batch.iter().map(|asked| &asked.claim).zip(outcomes))
}

fn script_claim(claim: &Claim) -> script::Claim<'_> {
    let Claim { user, attempt, coupon, .. } = claim;
    script::Claim { user, attempt: *attempt, coupon: *coupon, quantity: Claim::QUANTITY }
}

fn tell_all(batch: impl Iterator<Item = Asked>, why: Untold) {
    batch.for_each(|asked| asked.tell(Err(why)));
}
