//! Letters are brought again.

use std::collections::HashMap;
use std::time::Duration;

use contract::record::Issued;
use links::kafka::{Kafka, KafkaError};
use links::redis::Cluster;
use serde::Serialize;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::name::LetterName;
use super::plan::{Content, Plan, Refusal, as_shown, content, plan};
use crate::coupon_log::CouponLog;
use crate::reconcile::shown;
use crate::store::audit::{Mode, Operator};
use crate::store::desk::{Letter, LetterState, Resolution};
use crate::store::union::LogPlace;
use crate::store::{Session, Store, StoreError};

/// Between two looks at what became of letters.
const LOOK: Duration = Duration::from_millis(100);

/// Brings letters again.
pub struct Desk {
    store: Store,
    cluster: Cluster,
    log: CouponLog,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its win is a row.
    Row,
    /// It failed again, and waits.
    FailedAgain,
    /// It was brought again, and nobody has read it yet.
    OnItsWay,
    /// It was settled before.
    Settled,
    /// It is not brought again.
    Refused,
    /// There is no such letter.
    Unknown,
    /// It would be brought again, if this were no dry run.
    WouldReplay,
}

/// What became of a letter, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Which letter.
    pub letter: String,
    /// In a word.
    pub outcome: Outcome,
    /// In a sentence, where there is more to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Why letters could not be brought again. Ask again: that does no harm.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// MySQL does not say.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kafka did not say that it has a letter's record; it may have it.
    #[error("Kafka: {0}; ask again in a minute, which does no harm")]
    Kafka(#[from] KafkaError),
}

impl Replayed {
    fn of(place: LogPlace, outcome: Outcome, detail: impl ToString) -> Self {
        Self { letter: LetterName(place).to_string(), outcome, detail: detail.to_string() }
    }

    /// Whether nothing is left to do about the letter.
    pub fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Row | Outcome::Settled | Outcome::WouldReplay)
    }
}

impl Desk {
    /// Of those servers.
    pub fn new(store: Store, cluster: Cluster, kafka: &Kafka) -> Self {
        Self { store, cluster, log: CouponLog::new(kafka) }
    }

    /// Brings letters again, one after another, and waits for what becomes of them, for so long at
    /// most; in their order.
    pub async fn replay(
        &self,
        places: &[LogPlace],
        operator: &Operator,
        mode: Mode,
        patience: Duration,
    ) -> Result<Vec<Replayed>, Trouble> {
        let mut session = self.store.connect().await?;
        let mut begun: HashMap<usize, Letter> = HashMap::new();
        let mut outcomes = Vec::with_capacity(places.len());
        for &place in places {
            self.store.renew(&mut session).await?;
            // Boxed: futures so deep within each other are beyond the compiler.
            let (outcome, letter) = Box::pin(self.one(&mut session, place, operator, mode)).await?;
            if let Some(letter) = letter {
                begun.insert(outcomes.len(), letter);
            }
            outcomes.push(outcome);
        }
        self.await_outcomes(&mut session, &mut outcomes, begun, patience).await?;
        Ok(outcomes)
    }

    /// One letter; returned as well where it is on its way now.
    async fn one(
        &self,
        session: &mut Session,
        place: LogPlace,
        operator: &Operator,
        mode: Mode,
    ) -> Result<(Replayed, Option<Letter>), Trouble> {
        let Some(letter) = session.letter(place).await? else {
            return Ok((Replayed::of(place, Outcome::Unknown, ""), None));
        };
        match letter.state {
            LetterState::Resolved(how) => {
                return Ok((Replayed::of(place, Outcome::Settled, how.as_str()), None));
            }
            LetterState::OnItsWay => {
                return Ok((Replayed::of(place, Outcome::OnItsWay, ""), Some(letter)));
            }
            LetterState::Waits => {}
        }
        let (part, record) = match self.decide(session, &letter).await? {
            Plan::Publish(part, record) => (part, record),
            Plan::Refuse(why) => return Ok((Replayed::of(place, Outcome::Refused, why), None)),
            Plan::AskShard(_) => {
                return Ok((Replayed::of(place, Outcome::Refused, Refusal::NotShown), None));
            }
        };
        if mode == Mode::DryRun {
            let reason = letter.reason.as_str();
            return Ok((Replayed::of(place, Outcome::WouldReplay, reason), None));
        }
        // First noted, then published: whoever reads it takes the note back.
        if session.note_replay(&letter, operator).await? {
            self.log.produce(part, vec![record]).await?;
            info!(letter = %LetterName(place), reason = letter.reason.as_str(), "brought again");
        }
        Ok((Replayed::of(place, Outcome::OnItsWay, ""), Some(letter)))
    }

    async fn decide(&self, session: &mut Session, letter: &Letter) -> Result<Plan, Trouble> {
        let content = content(letter);
        let event = match &content {
            Content::Win(win) => session.event(&win.event_id).await?,
            Content::Marker | Content::Unreadable => None,
        };
        let planned = plan(letter, content, event.as_ref().map(|event| event.epoch));
        let (Plan::AskShard(win), Some(event)) = (&planned, &event) else {
            return Ok(planned);
        };
        let win: Issued = win.clone();
        Ok(match shown(&self.cluster, event, &win.user_id).await {
            Ok(shown) => as_shown(letter, win, event.epoch, &shown),
            Err(trouble) => Plan::Refuse(Refusal::Shard(trouble.to_string())),
        })
    }

    /// Waits until every letter that is on its way was read.
    async fn await_outcomes(
        &self,
        session: &mut Session,
        outcomes: &mut [Replayed],
        mut begun: HashMap<usize, Letter>,
        patience: Duration,
    ) -> Result<(), StoreError> {
        let deadline = Instant::now() + patience;
        while !begun.is_empty() {
            self.store.renew(session).await?;
            let mut still = HashMap::new();
            for (at, before) in begun {
                let now = session.standing_letter(before.place).await?;
                match now.as_ref().and_then(|now| settled(&before, now)) {
                    Some(outcome) => outcomes[at] = outcome,
                    None => drop(still.insert(at, before)),
                }
            }
            begun = still;
            if Instant::now() >= deadline {
                return Ok(());
            }
            if !begun.is_empty() {
                sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

/// What became of a letter since; None: nothing yet.
fn settled(before: &Letter, now: &Letter) -> Option<Replayed> {
    let place = now.place;
    match now.state {
        LetterState::Resolved(Resolution::Replayed) => Some(Replayed::of(place, Outcome::Row, "")),
        LetterState::Resolved(how) => Some(Replayed::of(place, Outcome::Settled, how.as_str())),
        LetterState::Waits | LetterState::OnItsWay if now.attempts > before.attempts => {
            let why = format!("{}: {}", now.reason.as_str(), now.message);
            Some(Replayed::of(place, Outcome::FailedAgain, why))
        }
        LetterState::Waits | LetterState::OnItsWay => None,
    }
}
