//! Control of events: the leader compares what operators want (MySQL) with what each event's shard
//! and the directory say, and takes the next step until they agree.
//!
//! - `plan`: the next step; pure.
//! - `take`: one event, step by step.
//! - `arm`, `carry`: the steps.
//! - `markers`, `unite`: what an arming of an event that was open needs besides.
//! - `shard`: the scripts that they call.
//!
//! Events of one shard are taken by a job of their own, so that a shard that hangs delays only its
//! own.

mod arm;
mod carry;
mod markers;
pub mod plan;
mod shard;
mod take;
mod unite;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::EventId;
use links::redis::Cluster;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::consume::Ended;
use crate::metrics::{self, Blocked};
use crate::stop::Stop;
use crate::store::events::Event;
use crate::store::{Session, StoreError};
use plan::Why;
pub use take::Hands;
use take::Outcome;

/// How often the changes of operators are looked for.
const TICK: Duration = Duration::from_millis(50);
/// How often all events are compared with their shards.
const SWEEP: Duration = Duration::from_millis(500);
/// Pause after MySQL did not answer.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// How long a new leader waits for the directory before it says that it does.
const DIRECTORY_PATIENCE: Duration = Duration::from_secs(2);

/// Events of one shard that are taken at the same time; each may hold a session of MySQL.
const TOGETHER: usize = 16;

/// A shard's address; None: events whose slot has no master.
type Shard = Option<SocketAddr>;

/// The control of all events.
pub struct Control {
    hands: Arc<Hands>,
    session: Option<Session>,
    /// What is remembered of events that are not settled.
    unsettled: HashMap<EventId, Memory>,
    in_hand: InHand,
    jobs: JoinSet<Report>,
    next_sweep: Instant,
}

/// What is remembered of an event that is not settled.
struct Memory {
    backoff: Backoff,
    not_before: Instant,
    why: Why,
}

/// Events that a job has. Each is in one job only, also while its shard moves to another master:
/// two that armed the same event would cut each other short for ever.
#[derive(Default)]
struct InHand(HashSet<EventId>);

impl InHand {
    /// Takes those events that no job has.
    fn take(&mut self, events: Vec<Event>) -> Vec<Event> {
        events.into_iter().filter(|event| self.0.insert(event.event_id.clone())).collect()
    }

    fn give_back(&mut self, events: &[EventId]) {
        for event in events {
            self.0.remove(event);
        }
    }
}

/// What a job did.
struct Report {
    /// All that it had.
    events: Vec<EventId>,
    /// Those that it got to.
    outcomes: Vec<(EventId, Outcome)>,
}

impl Control {
    /// Of all events.
    pub fn new(hands: Hands) -> Self {
        Self {
            hands: Arc::new(hands),
            session: None,
            unsettled: HashMap::new(),
            in_hand: InHand::default(),
            jobs: JoinSet::new(),
            next_sweep: Instant::now(),
        }
    }

    /// Controls events until it is asked to stop, or until it finds that it does not lead.
    pub async fn run(mut self, mut stop: Stop) -> Ended {
        self.await_directory().await;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.asked() => break,
                Some(done) = self.jobs.join_next() => match done {
                    Ok(report) => {
                        if self.note(report) == Ended::Lost {
                            return Ended::Lost;
                        }
                    }
                    Err(panic) => {
                        error!(%panic, "the control of events broke off");
                        return Ended::Lost;
                    }
                },
                _ = ticks.tick() => {
                    if let Err(error) = self.tick().await {
                        self.session = None;
                        warn!(%error, "events cannot be read");
                        ticks.reset_after(STORE_PAUSE);
                    }
                }
            }
        }
        // A step that was begun is ended; cut short it would be taken again by the next leader.
        while self.jobs.join_next().await.is_some() {}
        Ended::Stopped
    }

    /// Without the directory no step can be planned. Where Kafka is away this does not wait for it,
    /// so that each event says what it waits for.
    async fn await_directory(&self) {
        let deadline = Instant::now() + DIRECTORY_PATIENCE;
        while !self.hands.directory.is_current() && Instant::now() < deadline {
            sleep(TICK).await;
        }
    }

    /// Starts a job for each shard that has events to be looked at.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        let sweep = now >= self.next_sweep;
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.hands.store.connect().await?),
        };
        let events = if sweep {
            self.next_sweep = now + SWEEP;
            session.live_events().await?
        } else {
            session.changed_events().await?
        };
        if sweep {
            self.forget_others(&events);
        }
        for events in self.by_shard(events, now).into_values() {
            let events = self.in_hand.take(events);
            if !events.is_empty() {
                self.jobs.spawn(job(Arc::clone(&self.hands), events));
            }
        }
        Ok(())
    }

    /// Events that are due, by shard.
    fn by_shard(&self, events: Vec<Event>, now: Instant) -> HashMap<Shard, Vec<Event>> {
        let mut by_shard: HashMap<Shard, Vec<Event>> = HashMap::new();
        for event in events {
            if self.unsettled.get(&event.event_id).is_some_and(|memory| memory.not_before > now) {
                continue;
            }
            let slot = Cluster::slot_of(&event.event_id);
            let shard = self.hands.cluster.master_of(slot).map(|master| master.address);
            by_shard.entry(shard).or_default().push(event);
        }
        by_shard
    }

    fn note(&mut self, report: Report) -> Ended {
        self.in_hand.give_back(&report.events);
        let mut ended = Ended::Stopped;
        for (event, outcome) in report.outcomes {
            match outcome {
                Outcome::Settled => {
                    if self.unsettled.remove(&event).is_some() {
                        info!(%event, "stands as wanted");
                    }
                }
                Outcome::Unfinished => {}
                Outcome::Blocked(why) => self.note_blocked(event, why),
                Outcome::NotLeader => ended = Ended::Lost,
            }
        }
        self.count_blocked();
        ended
    }

    /// Said once, and again when it changes; tried again with growing pauses.
    fn note_blocked(&mut self, event: EventId, why: Why) {
        let news = self.unsettled.get(&event).is_none_or(|memory| memory.why != why);
        if news {
            match &why {
                Why::Waiting(waiting) => info!(%event, why = %waiting, "not as wanted yet"),
                Why::Halt(halt) => error!(%event, why = %halt, "event halted"),
            }
        }
        let known = self.unsettled.remove(&event);
        let mut backoff = known.map_or_else(Backoff::default, |memory| memory.backoff);
        let not_before = Instant::now() + backoff.failed();
        self.unsettled.insert(event, Memory { backoff, not_before, why });
    }

    fn forget_others(&mut self, events: &[Event]) {
        let live: HashSet<&EventId> = events.iter().map(|event| &event.event_id).collect();
        self.unsettled.retain(|event, _| live.contains(event));
    }

    fn count_blocked(&self) {
        for kind in Blocked::ALL {
            let events = self.unsettled.values().filter(|memory| kind_of(&memory.why) == kind);
            metrics::blocked(kind, u32::try_from(events.count()).unwrap_or(u32::MAX));
        }
    }
}

fn kind_of(why: &Why) -> Blocked {
    match why {
        Why::Waiting(_) => Blocked::Waiting,
        Why::Halt(_) => Blocked::Halted,
    }
}

/// Takes a shard's events, some at a time: arming one again is mostly waiting. Where the shard is
/// away, the rest waits for the next round: each would only wait for the same deadline.
async fn job(hands: Arc<Hands>, events: Vec<Event>) -> Report {
    let all = events.iter().map(|event| event.event_id.clone()).collect();
    let mut outcomes = Vec::new();
    let mut taken = JoinSet::new();
    let mut waiting = events.into_iter();
    loop {
        let away = outcomes.iter().any(|(_, outcome)| is_away(outcome));
        while !away
            && taken.len() < TOGETHER
            && let Some(event) = waiting.next()
        {
            let hands = Arc::clone(&hands);
            taken.spawn(async move {
                let outcome = take::take(&hands, &event).await;
                (event.event_id, outcome)
            });
        }
        match taken.join_next().await {
            Some(Ok(outcome)) => outcomes.push(outcome),
            // It is looked at again in the next round.
            Some(Err(panic)) => error!(%panic, "the control of an event broke off"),
            None => return Report { events: all, outcomes },
        }
    }
}

fn is_away(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Blocked(Why::Waiting(plan::Waiting::Shard(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_in_one_job_only() {
        let spring = plan::tests::event();
        let mut in_hand = InHand::default();
        assert_eq!(in_hand.take(vec![spring.clone()]).len(), 1);
        // Its shard has another master by now.
        assert_eq!(in_hand.take(vec![spring.clone()]), []);
        in_hand.give_back(std::slice::from_ref(&spring.event_id));
        assert_eq!(in_hand.take(vec![spring]).len(), 1);
    }
}
