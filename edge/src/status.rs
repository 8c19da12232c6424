//! How an event stands: asked of its shard at most every 100 ms a core, however many want to know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use contract::event::Phase;
use contract::ids::EventId;
use contract::keys::EventKeys;
use links::redis::{Cluster, Reply, Script};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::info;

use crate::claims::Untold;
use crate::directory::{Directory, NotKnown};
use crate::request::{BadRequest, parse_event};

static SCRIPT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../lua/status.lua")));

/// How old an answer may be.
const MAX_AGE: Duration = Duration::from_millis(100);
/// Events whose answers one core keeps.
const MAX_KEPT: usize = 4_096;

/// Answers how events stand, on one core.
pub struct Statuses {
    directory: Directory,
    cluster: Cluster,
    kept: RefCell<HashMap<EventId, Rc<Mutex<Option<Kept>>>>>,
}

#[derive(Clone)]
struct Kept {
    asked: Instant,
    answer: Result<Status, Untold>,
}

/// How an event stands. What is left is what the shard says, held twice or not: it is no answer
/// to anybody's claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The event.
    pub event: EventId,
    /// Scheduled, open, paused or closed, by the shard's clock.
    pub phase: Phase,
    /// Units in all.
    pub stock: u64,
    /// Units that nobody holds.
    pub left: u64,
    /// Units that one user may hold.
    pub per_user_limit: u32,
    /// Unix milliseconds; 0: always open.
    pub opens_at_ms: u64,
    /// Unix milliseconds; 0: never closes by itself.
    pub closes_at_ms: u64,
}

/// Why nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoStatus {
    /// The id is none.
    Request(BadRequest),
    /// There is no such event.
    UnknownEvent(EventId),
    /// There may be such an event.
    DirectoryStale(EventId),
    /// The shard does not say.
    Untold(EventId, Untold),
}

impl Statuses {
    /// Nothing is kept yet.
    pub fn new(directory: Directory, cluster: Cluster) -> Self {
        Self { directory, cluster, kept: RefCell::default() }
    }

    /// How the event of that id stands.
    pub async fn status(&self, event: &str) -> Result<Status, NoStatus> {
        let event = parse_event(event).map_err(NoStatus::Request)?;
        match self.directory.find(&event) {
            Ok(standing) if standing.phase == Phase::Fencing => {
                Err(NoStatus::Untold(event, Untold::Fenced))
            }
            Ok(_) => self.answer(&event).await.map_err(|why| NoStatus::Untold(event, why)),
            Err(NotKnown::Unknown) => Err(NoStatus::UnknownEvent(event)),
            Err(NotKnown::Stale) => Err(NoStatus::DirectoryStale(event)),
        }
    }

    async fn answer(&self, event: &EventId) -> Result<Status, Untold> {
        let kept = self.kept_of(event);
        // Held while asking, which has a deadline: whoever waits here takes what comes of it.
        let mut kept = kept.lock().await;
        if let Some(fresh) = kept.as_ref().filter(|kept| kept.asked.elapsed() < MAX_AGE) {
            return fresh.answer.clone();
        }
        let asked = Instant::now();
        let answer = self.ask(event).await;
        *kept = Some(Kept { asked, answer: answer.clone() });
        answer
    }

    fn kept_of(&self, event: &EventId) -> Rc<Mutex<Option<Kept>>> {
        let mut all = self.kept.borrow_mut();
        if all.len() >= MAX_KEPT && !all.contains_key(event) {
            // Those that nobody waits for; they are asked for again where need be.
            all.retain(|_, kept| Rc::strong_count(kept) > 1);
        }
        Rc::clone(all.entry(event.clone()).or_default())
    }

    async fn ask(&self, event: &EventId) -> Result<Status, Untold> {
        let keys = EventKeys::new(event);
        let slot = Cluster::slot_of(event);
        let reply = self.cluster.run_script(slot, &SCRIPT, &[&keys.state], &[]).await;
        let reply = reply.map_err(|error| {
            info!(%event, %error, "a shard does not say how its event stands");
            Untold::Unavailable
        })?;
        parse(event, &reply).ok_or(Untold::Fenced)
    }
}

/// Reads what the script returns; `None` where the shard may not answer for the event.
fn parse(event: &EventId, reply: &Reply) -> Option<Status> {
    let [phase, stock, held, limit, opens, closes, ms] = reply.items()? else {
        return None;
    };
    let number = |reply: &Reply| u64::try_from(reply.integer()?).ok();
    let (stock, held, ms) = (number(stock)?, number(held)?, number(ms)?);
    let (opens_at_ms, closes_at_ms) = (number(opens)?, number(closes)?);
    Some(Status {
        event: event.clone(),
        phase: public_phase(Phase::parse(phase.text()?)?, opens_at_ms, closes_at_ms, ms)?,
        stock,
        left: stock.saturating_sub(held),
        per_user_limit: number(limit)?.try_into().ok()?,
        opens_at_ms,
        closes_at_ms,
    })
}

/// The phase as a claim would meet it, in the order of `lua/claim.lua`; `None`: fenced.
fn public_phase(phase: Phase, opens_ms: u64, closes_ms: u64, now_ms: u64) -> Option<Phase> {
    match phase {
        Phase::Closed => Some(Phase::Closed),
        _ if closes_ms > 0 && now_ms >= closes_ms => Some(Phase::Closed),
        Phase::Paused => Some(Phase::Paused),
        Phase::Scheduled => Some(Phase::Scheduled),
        _ if now_ms < opens_ms => Some(Phase::Scheduled),
        Phase::Open | Phase::Reopening => Some(Phase::Open),
        Phase::Archived | Phase::Fencing | Phase::Arming => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_is_the_one_that_a_claim_would_meet() {
        let cases = [
            (Phase::Open, 0, 0, Some(Phase::Open)),
            (Phase::Open, 6, 0, Some(Phase::Scheduled)),
            (Phase::Open, 5, 5, Some(Phase::Closed)),
            (Phase::Paused, 6, 0, Some(Phase::Paused)),
            (Phase::Paused, 0, 5, Some(Phase::Closed)),
            (Phase::Scheduled, 0, 0, Some(Phase::Scheduled)),
            (Phase::Reopening, 0, 0, Some(Phase::Open)),
            (Phase::Arming, 0, 0, None),
        ];
        for (phase, opens, closes, public) in cases {
            assert_eq!(public_phase(phase, opens, closes, 5), public, "{phase:?} {opens} {closes}");
        }
    }

    #[test]
    fn the_script_s_reply_is_read() {
        let event = "spring".parse().unwrap();
        let numbers = [100, 40, 1, 0, 0, 77].map(Reply::Integer);
        let reply =
            |numbers: &[Reply]| Reply::Array([&[Reply::Text("open".into())], numbers].concat());
        let status = parse(&event, &reply(&numbers)).unwrap();
        assert_eq!((status.stock, status.left, status.phase), (100, 60, Phase::Open));
        assert_eq!(parse(&event, &reply(&numbers[..3])), None);
        assert_eq!(parse(&event, &Reply::Array(vec![])), None, "fenced");
    }
}
