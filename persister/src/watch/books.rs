//! The books: every unit that was told is a row, a letter, or on its way. Judged of events that stand
//! still for a moment, by counts alone; which wins differ, reconcile says.
//!
//! The order is reconcile's, for the same reason: a win that is not in the outbox has its record
//! before Kafka's ends, and is a row or a letter once MySQL is past them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use contract::ids::EventId;
use links::redis::Cluster;
use tokio::time::{Instant, sleep};

use super::failed;
use crate::coupon_log::CouponLog;
use crate::metrics::{self, Place};
use crate::reconcile::{Trouble, Watermark, caught_up, ends, take_watermark};
use crate::store::dead_letters::CouponsInLetters;
use crate::store::epochs::EpochStep;
use crate::store::events::Event;
use crate::store::{Session, Store};

/// Between two looks, at least …
const EVERY: Duration = Duration::from_secs(10);
/// … and so many times as long as the last one took: MySQL counts rows for it.
const REST: u32 = 19;
/// Events of one look; the next one goes on behind them.
const MOST_EVENTS: usize = 256;
/// Of an event with more rows reconcile alone keeps the books: counting them would take seconds.
const MOST_UNITS: u64 = 1_000_000;
/// For MySQL to be past Kafka's ends; in a rush it is not, and the books wait.
const CATCH_UP: Duration = Duration::from_secs(2);

/// In one look, events that cannot be judged because something fails; with one more it is given up.
const MOST_FAILURES: usize = 8;

/// Keeps the books of all events.
pub(super) struct Books {
    store: Store,
    cluster: Cluster,
    log: Arc<CouponLog>,
    kept: Kept,
}

/// What is known of units that were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Account {
    /// Winners hold them, by their shard's count.
    told: u64,
    /// They are rows.
    persisted: u64,
    /// Their coupons' letters.
    letters: CouponsInLetters,
}

impl Account {
    /// Units that are told and nowhere, or somewhere and not told. A letter may belong to a row, when it
    /// was settled between two reads, or to a unit that the shard does not count, when it is late.
    fn drift(&self) -> u64 {
        let least = self.persisted;
        let most = self.persisted + self.letters.either;
        self.told.saturating_sub(most).max(least.saturating_sub(self.told))
    }
}

/// The last account of each event, by its id.
#[derive(Default)]
struct Kept(BTreeMap<EventId, Judged>);

/// What an event's looks came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Judged {
    account: Account,
    /// What two looks one after the other agree on: one may be torn by what is done meanwhile.
    drift: u64,
    /// Whether the last look judged it.
    now: bool,
}

impl Kept {
    /// Forgets events that are gone.
    fn only(&mut self, events: &[Event]) {
        let live: BTreeSet<&EventId> = events.iter().map(|event| &event.event_id).collect();
        self.0.retain(|event, _| live.contains(event));
    }

    fn judged(&mut self, event: &EventId, account: Account) {
        let before = self.0.get(event).map_or(0, |judged| judged.account.drift());
        let judged = Judged { account, drift: account.drift().min(before), now: true };
        self.0.insert(event.clone(), judged);
    }

    /// What was known of it before stands.
    fn not_judged(&mut self, event: &EventId) {
        if let Some(judged) = self.0.get_mut(event) {
            judged.now = false;
        }
    }

    fn sum(&self, part: impl Fn(&Judged) -> u64) -> u64 {
        self.0.values().map(part).sum()
    }

    fn tell(&self, events: usize) {
        metrics::wins(Place::Told, self.sum(|judged| judged.account.told));
        metrics::wins(Place::Persisted, self.sum(|judged| judged.account.persisted));
        metrics::wins(Place::DeadLettered, self.sum(|judged| judged.account.letters.waiting));
        metrics::wins(Place::GivenUp, self.sum(|judged| judged.account.letters.given_up));
        let judged = self.0.values().filter(|judged| judged.now).count();
        metrics::drift(self.sum(|judged| judged.drift), events.saturating_sub(judged));
    }
}

impl Books {
    pub(super) fn new(store: Store, cluster: Cluster, log: Arc<CouponLog>) -> Self {
        Self { store, cluster, log, kept: Kept::default() }
    }

    /// Looks for ever.
    pub(super) async fn keep(mut self) {
        metrics::books_kept(Utc::now());
        let mut from = 0;
        loop {
            let began = Instant::now();
            // Boxed: futures so deep within each other are beyond the compiler.
            match Box::pin(self.look(&mut from)).await {
                Ok(()) => metrics::books_kept(Utc::now()),
                // It is like this in every rush.
                Err(Trouble::Behind { .. }) => {}
                Err(trouble) => failed(&trouble),
            }
            sleep(EVERY.max(began.elapsed() * REST)).await;
        }
    }

    async fn look(&mut self, from: &mut usize) -> Result<(), Trouble> {
        let mut session = self.store.connect().await?;
        let mut events = session.live_events().await?;
        events.retain(is_judged);
        events.sort_by(|one, other| one.event_id.cmp(&other.event_id));
        self.kept.only(&events);
        let all = events.len();
        events.rotate_left(*from % all.max(1));
        events.truncate(MOST_EVENTS);
        *from = (*from + events.len()) % all.max(1);

        let (mut marked, mut failures) = (Vec::new(), 0);
        for event in &events {
            match self.mark(event).await {
                Ok(Some(mark)) => marked.push((event, mark)),
                Ok(None) => self.kept.not_judged(&event.event_id),
                Err(trouble) => self.fails(event, trouble, &mut failures)?,
            }
        }
        caught_up(&self.store, &ends(&self.log).await?, CATCH_UP).await?;
        for (event, mark) in marked {
            match self.judge(&mut session, event, &mark).await {
                Ok(Some(account)) => self.kept.judged(&event.event_id, account),
                Ok(None) => self.kept.not_judged(&event.event_id),
                Err(trouble) => self.fails(event, trouble, &mut failures)?,
            }
        }
        self.kept.tell(all);
        Ok(())
    }

    /// One event's trouble keeps nobody else's books from being kept; that of many is everybody's.
    fn fails(
        &mut self,
        event: &Event,
        trouble: Trouble,
        failures: &mut usize,
    ) -> Result<(), Trouble> {
        self.kept.not_judged(&event.event_id);
        *failures += 1;
        if *failures > MOST_FAILURES {
            return Err(trouble);
        }
        failed(&trouble);
        Ok(())
    }

    /// How an event stands; None where it moved meanwhile: it is looked at another time.
    async fn judge(
        &self,
        session: &mut Session,
        event: &Event,
        mark: &Watermark,
    ) -> Result<Option<Account>, Trouble> {
        self.store.renew(session).await?;
        let account = account(session, event, mark).await?;
        let still = session.count_changes(&event.event_id).await? == 0
            && self.mark(event).await?.as_ref() == Some(mark);
        Ok(still.then_some(account))
    }

    /// How an event's shard stands, if none of its wins waits for Kafka.
    async fn mark(&self, event: &Event) -> Result<Option<Watermark>, Trouble> {
        let mark = match take_watermark(&self.cluster, event).await {
            Ok(mark) if mark.held <= MOST_UNITS => mark,
            Ok(_) | Err(Trouble::NotArmed(_)) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let outbox = self.cluster.outbox(&event.event_id, None, 1).await?;
        let empty = outbox.entries.is_empty() && outbox.unreadable.is_empty();
        Ok(empty.then_some(mark))
    }
}

/// Whether its shard is the one that MySQL armed, as far as MySQL knows.
fn is_judged(event: &Event) -> bool {
    event.arming.as_ref().is_some_and(|arming| arming.step == EpochStep::Open)
}

/// Letters first: one that is settled before the rows are counted is counted twice, which drift forgives,
/// and not left out.
async fn account(
    session: &mut Session,
    event: &Event,
    mark: &Watermark,
) -> Result<Account, Trouble> {
    let letters = session.coupons_in_letters(&event.event_id).await?;
    let persisted = session.ledger(&event.event_id).await?.held;
    Ok(Account { told: mark.held, persisted, letters })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(told: u64, persisted: u64, waiting: u64, given_up: u64) -> Account {
        let letters = CouponsInLetters { waiting, given_up, either: waiting + given_up };
        Account { told, persisted, letters }
    }

    #[test]
    fn what_was_told_is_a_row_or_a_letter() {
        assert_eq!(account(10, 10, 0, 0).drift(), 0);
        assert_eq!(account(10, 7, 2, 1).drift(), 0);
        assert_eq!(account(10, 9, 0, 0).drift(), 1, "a win has no row");
        assert_eq!(account(10, 12, 0, 0).drift(), 2, "rows of units that the shard sells again");
        assert_eq!(account(10, 10, 1, 0).drift(), 0, "a letter that became a row meanwhile");
        let twice = CouponsInLetters { waiting: 1, given_up: 1, either: 1 };
        assert_eq!(Account { letters: twice, ..account(10, 8, 0, 0) }.drift(), 1, "one coupon");
    }

    #[test]
    fn drift_is_what_two_looks_agree_on_and_stays_until_another_look() {
        let (mut kept, event) = (Kept::default(), "spring".parse::<EventId>().unwrap());
        let drift = |kept: &Kept| kept.sum(|judged| judged.drift);
        for (persisted, agreed) in [(10, 0), (7, 0), (10, 0), (7, 0), (8, 2), (8, 2)] {
            kept.judged(&event, account(10, persisted, 0, 0));
            assert_eq!(drift(&kept), agreed, "{persisted} rows");
        }
        kept.not_judged(&event);
        kept.judged(&"summer".parse().unwrap(), account(5, 5, 0, 0));
        assert_eq!(drift(&kept), 2, "nobody else's look takes it away");
        assert_eq!(kept.0.values().filter(|judged| judged.now).count(), 1);
        kept.judged(&event, account(10, 10, 0, 0));
        assert_eq!(drift(&kept), 0);
        kept.only(&[]);
        assert!(kept.0.is_empty());
    }
}
