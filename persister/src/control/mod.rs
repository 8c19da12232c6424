//! Control of events: the leader compares what operators want (MySQL) with what each event's shard
//! and the directory say, and takes the next step until they agree.
//!
//! - `plan`: the next step; pure.
//! - `take`: one event, step by step.
//! - `arm`, `carry`, `archive`: the steps; `archiving`: what the last one remembers.
//! - `markers`, `unite`: what an arming of an event that was open needs besides.
//! - `shard`: the scripts that they call; `delete`: the one that takes an event's keys away.
//!
//! Each event is taken by a task of its own, some of each shard at a time: arming one again is
//! mostly waiting, and a shard that hangs, or an event that waits for long, delays only its own.

mod archive;
mod archiving;
mod arm;
mod carry;
mod delete;
mod markers;
pub mod plan;
mod shard;
mod take;
mod unite;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::ids::EventId;
use links::redis::Cluster;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::consume::Ended;
use crate::metrics::{self, Blocked};
use crate::stop::Stop;
use crate::store::events::Event;
use crate::store::{Session, StoreError};
pub use archiving::Archiving;
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
    /// How many events of each shard may be taken at the same time.
    permits: HashMap<Shard, Arc<Semaphore>>,
    tasks: JoinSet<Option<Outcome>>,
    next_sweep: Instant,
}

/// What is remembered of an event that is not settled.
struct Memory {
    backoff: Backoff,
    not_before: Instant,
    why: Why,
}

/// Events that are taken just now. Each by one task only, also while its shard moves to another
/// master: two that armed the same event would cut each other short for ever.
#[derive(Default)]
struct InHand {
    events: HashSet<EventId>,
    tasks: HashMap<Id, EventId>,
}

impl InHand {
    /// Whether nobody had it; from now on somebody has.
    fn take(&mut self, event: &EventId) -> bool {
        self.events.insert(event.clone())
    }

    fn give_back(&mut self, task: Id) -> Option<EventId> {
        let event = self.tasks.remove(&task)?;
        self.events.remove(&event);
        Some(event)
    }
}

/// What the events of one shard share that are looked at in one go.
#[derive(Clone)]
struct Crew {
    hands: Arc<Hands>,
    permits: Arc<Semaphore>,
    /// The shard did not answer: the others would only wait for the same deadline.
    away: Arc<AtomicBool>,
}

impl Crew {
    /// Takes an event when its turn comes; None: it has to wait for the next round.
    async fn take(self, event: Event) -> Option<Outcome> {
        let _turn = self.permits.acquire_owned().await.ok()?;
        if self.away.load(Ordering::Relaxed) {
            return None;
        }
        let outcome = take::take(&self.hands, &event).await;
        if is_away(&outcome) {
            self.away.store(true, Ordering::Relaxed);
        }
        Some(outcome)
    }
}

impl Control {
    /// Of all events.
    pub fn new(hands: Hands) -> Self {
        Self {
            hands: Arc::new(hands),
            session: None,
            unsettled: HashMap::new(),
            in_hand: InHand::default(),
            permits: HashMap::new(),
            tasks: JoinSet::new(),
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
                Some(done) = self.tasks.join_next_with_id() => {
                    if self.note(done) == Ended::Lost {
                        return Ended::Lost;
                    }
                }
                _ = ticks.tick() => {
                    if let Err(error) = self.tick().await {
                        self.session = None;
                        warn!(%error, "events cannot be read");
                        ticks.reset_after(STORE_PAUSE);
                    }
                }
            }
        }
        // Looking an event through may take minutes, and decides nothing before it has ended.
        self.hands.archiving.end();
        // A step that was begun is ended; cut short it would be taken again by the next leader.
        while self.tasks.join_next().await.is_some() {}
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

    /// Begins to take the events that are to be looked at.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        let sweep = now >= self.next_sweep;
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.hands.store.connect().await?),
        };
        let events = if sweep {
            self.next_sweep = now + SWEEP;
            let mut events = session.live_events().await?;
            let again = archive::listed_again(&self.hands, session, &events).await?;
            events.extend(again);
            self.forget_others(&events);
            events
        } else {
            session.changed_events().await?
        };
        for (shard, events) in self.by_shard(events, now) {
            self.begin(shard, events);
        }
        self.count_blocked();
        Ok(())
    }

    /// Begins to take the events of a shard that nobody has in hand.
    fn begin(&mut self, shard: Shard, events: Vec<Event>) {
        let permits = self.permits.entry(shard);
        let crew = Crew {
            hands: Arc::clone(&self.hands),
            permits: Arc::clone(permits.or_insert_with(|| Arc::new(Semaphore::new(TOGETHER)))),
            away: Arc::default(),
        };
        for event in events {
            if self.in_hand.take(&event.event_id) {
                let id = event.event_id.clone();
                let task = self.tasks.spawn(crew.clone().take(event)).id();
                self.in_hand.tasks.insert(task, id);
            }
        }
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

    fn note(&mut self, done: Result<(Id, Option<Outcome>), JoinError>) -> Ended {
        let task = done.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let Some(event) = self.in_hand.give_back(task) else {
            return Ended::Stopped;
        };
        match done {
            Ok((_, Some(Outcome::Settled))) => {
                if self.unsettled.remove(&event).is_some() {
                    info!(%event, "stands as wanted");
                }
            }
            Ok((_, Some(Outcome::Blocked(why)))) => self.note_blocked(event, why),
            Ok((_, Some(Outcome::NotLeader))) => return Ended::Lost,
            Ok((_, Some(Outcome::Unfinished) | None)) => {}
            // It is looked at again in the next round.
            Err(panic) => error!(%event, %panic, "the control of an event broke off"),
        }
        Ended::Stopped
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
        self.hands.status.fenced.keep_only(&live);
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

fn is_away(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Blocked(Why::Waiting(plan::Waiting::Shard(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_is_in_one_hand_only() {
        let spring = plan::tests::event().event_id;
        let mut in_hand = InHand::default();
        assert!(in_hand.take(&spring));
        // Its shard has another master by now.
        assert!(!in_hand.take(&spring));
        let task = tokio::spawn(async {}).id();
        in_hand.tasks.insert(task, spring.clone());
        assert_eq!(in_hand.give_back(task), Some(spring.clone()));
        assert!(in_hand.take(&spring));
    }
}
