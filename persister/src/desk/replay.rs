//! Letters are brought again.

use std::collections::HashMap;
use std::time::Duration;

use contract::record::Issued;
use links::kafka::{Kafka, KafkaError, NewRecord, Retry};
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
    /// Kafka has not taken it: it waits as it did.
    Failed,
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

/// What a look at a letter came to.
enum One {
    /// There is nothing to wait for.
    Told(Replayed),
    /// It is on its way, and what there is to say about that.
    OnItsWay(Box<Letter>, String),
    /// Kafka has not taken it.
    Failed(KafkaError),
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
    /// most; in their order. Once Kafka cannot be reached the rest is not tried.
    pub async fn replay(
        &self,
        places: &[LogPlace],
        operator: &Operator,
        mode: Mode,
        patience: Duration,
    ) -> Result<Vec<Replayed>, StoreError> {
        let mut session = self.store.connect().await?;
        let mut begun: HashMap<usize, Letter> = HashMap::new();
        let mut outcomes = Vec::with_capacity(places.len());
        let mut away = false;
        for &place in places {
            if away {
                outcomes.push(Replayed::of(place, Outcome::Failed, "not tried: Kafka is away"));
                continue;
            }
            self.store.renew(&mut session).await?;
            // Boxed: futures so deep within each other are beyond the compiler.
            let one = Box::pin(self.one(&mut session, place, operator, mode)).await?;
            let outcome = match one {
                One::Told(outcome) => outcome,
                One::OnItsWay(letter, detail) => {
                    begun.insert(outcomes.len(), *letter);
                    Replayed::of(place, Outcome::OnItsWay, detail)
                }
                One::Failed(error) => {
                    away = error.retry() == Retry::Transient;
                    Replayed::of(place, Outcome::Failed, error)
                }
            };
            outcomes.push(outcome);
        }
        self.await_outcomes(&mut session, &mut outcomes, begun, patience).await?;
        Ok(outcomes)
    }

    async fn one(
        &self,
        session: &mut Session,
        place: LogPlace,
        operator: &Operator,
        mode: Mode,
    ) -> Result<One, StoreError> {
        let told = |outcome, detail: String| Ok(One::Told(Replayed::of(place, outcome, detail)));
        let Some(letter) = session.letter(place).await? else {
            return told(Outcome::Unknown, String::new());
        };
        match letter.state {
            LetterState::Resolved(how) => return told(Outcome::Settled, how.as_str().to_owned()),
            LetterState::OnItsWay => return Ok(One::OnItsWay(Box::new(letter), String::new())),
            LetterState::Waits => {}
        }
        let (part, record) = match self.decide(session, &letter).await? {
            Plan::Publish(part, record) => (part, record),
            Plan::Refuse(why) => return told(Outcome::Refused, why.to_string()),
            Plan::AskShard(_) => return told(Outcome::Refused, Refusal::NotShown.to_string()),
        };
        if mode == Mode::DryRun {
            return told(Outcome::WouldReplay, letter.reason.as_str().to_owned());
        }
        self.publish(session, letter, part, record, operator).await
    }

    /// First noted, then published: whoever reads it takes the note back. So does whoever knows that
    /// nobody will read it.
    async fn publish(
        &self,
        session: &mut Session,
        letter: Letter,
        part: i32,
        record: NewRecord,
        operator: &Operator,
    ) -> Result<One, StoreError> {
        let end = match self.log.end_of(part).await {
            Ok(end) => end,
            Err(error) => return Ok(One::Failed(error)),
        };
        self.store.renew(session).await?;
        if !session.note_replay(&letter, part, before(end), operator).await? {
            return Ok(One::OnItsWay(Box::new(letter), String::new()));
        }
        let published = self.log.produce(part, vec![record]).await;
        self.store.renew(session).await?;
        match published {
            Ok(offset) => {
                session.place_replay(&letter, offset).await?;
                let letter_name = LetterName(letter.place);
                info!(letter = %letter_name, reason = letter.reason.as_str(), "brought again");
                Ok(One::OnItsWay(Box::new(letter), String::new()))
            }
            Err(error @ (KafkaError::NotSent(_) | KafkaError::Refused(_))) => {
                session.take_replay_back(&letter, operator).await?;
                Ok(One::Failed(error))
            }
            Err(error) => {
                // It may stand anywhere between the end that there was and the one that there is.
                if let Some(upto) = self.log.end_of(part).await.ok().and_then(before) {
                    self.store.renew(session).await?;
                    session.place_replay(&letter, upto).await?;
                }
                let detail = format!("Kafka does not say that it has it: {error}");
                Ok(One::OnItsWay(Box::new(letter), detail))
            }
        }
    }

    async fn decide(&self, session: &mut Session, letter: &Letter) -> Result<Plan, StoreError> {
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

/// The last offset before a partition's end; None: it is empty.
fn before(end: i64) -> Option<i64> {
    Some(end - 1).filter(|&offset| offset >= 0)
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
