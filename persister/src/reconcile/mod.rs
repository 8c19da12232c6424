//! Reconcile: holds every win in Redis and every row in MySQL side by side.
//!
//! A run reports first, and repairs only where it is told to, in two ways and no other: a win that
//! MySQL lacks is published again; for anything that Redis lacks or counts wrongly the leader is
//! asked to arm the event again, which unites the two. What is merely on its way is never called
//! missing: see [`watermark`]. Each run has a row in `reconciliations`.
//!
//! - `watermark`: up to which number, and when, the two may be held side by side.
//! - `compare`: what a difference is; pure.
//! - `scan`: the walk through an event, page by page.
//! - `closed`: the same for one event that is about to be archived.
//! - `repair`: publishing again, asking for a re-arm.
//! - `pace`: how fast, and whether now is a time for it.
//! - `schedule`: the leader's runs by themselves.
//! - `history`: the runs that there were; `standing`: the differences that they left.
//! - `kinds`: the kinds of difference, and what is done about each; `report`: what a run found.

mod closed;
mod compare;
mod history;
mod kinds;
mod lock;
mod pace;
mod print;
mod repair;
mod report;
mod scan;
mod schedule;
mod sequences;
mod standing;
mod trouble;
mod watermark;

use std::sync::Arc;

use contract::coupon::Win;
use contract::ids::{EventId, UserId};
use links::kafka::Kafka;
use links::redis::Cluster;
use serde_json::json;
use tokio::time::sleep;

use crate::coupon_log::CouponLog;
use crate::store::Store;
use crate::store::audit::{Action, Entry};
use crate::store::events::Event;
use crate::store::reconcile::{Figures, RunEnd};
use lock::Lock;
use repair::Repairs;
use report::Keep;
use scan::{Look, scan};
use watermark::{CATCH_UP, SETTLE};

pub(crate) use closed::compare_closed;
pub use history::{RunView, history, one_run};
pub use kinds::{Kind, KindView, Repair, kinds};
pub use pace::Pace;
pub use print::{print, print_history, print_kinds, print_run};
#[cfg(test)]
pub(crate) use report::owner_of_row;
pub use report::{By, Difference, EventReport, Mode, Offender, Report};
pub use schedule::{Schedule, Setting, Step};
pub use standing::Standing;
pub use trouble::Trouble;
pub(crate) use watermark::{Watermark, behind, caught_up, ends, take as take_watermark};

/// A user's wins as an event's shard shows them. Fails unless the shard is the one that MySQL armed,
/// and open.
pub async fn shown(cluster: &Cluster, event: &Event, user: &UserId) -> Result<Vec<Win>, Trouble> {
    watermark::take(cluster, event).await?;
    scan::wins_of(cluster, &event.event_id, user).await
}

/// Events whose deadline is waited for together.
const GROUP: usize = 64;

/// What a run came to.
#[derive(Debug)]
pub enum Outcome {
    /// It looked at everything that it was asked to.
    Ran(Report),
    /// Another run is at work.
    Busy,
    /// There is no such event.
    NoSuchEvent,
}

/// Compares Redis and MySQL.
pub struct Reconciler {
    store: Store,
    cluster: Cluster,
    log: Arc<CouponLog>,
    mode: Mode,
    by: By,
    pace: Pace,
    repairs: Repairs,
}

impl Reconciler {
    /// Of those servers.
    pub fn new(
        store: Store,
        cluster: Cluster,
        kafka: Kafka,
        mode: Mode,
        (by, pace): (By, Pace),
    ) -> Self {
        let log = Arc::new(CouponLog::new(&kafka));
        let repairs = Repairs::new(mode, Arc::clone(&log));
        Self { store, cluster, log, mode, by, pace, repairs }
    }

    /// One run, over one event or over all that were armed and are not archived. Two never run at
    /// once.
    pub async fn run(&self, only: Option<&EventId>) -> Result<Outcome, Trouble> {
        let Some(mut lock) = Lock::take(&self.store).await? else {
            return Ok(Outcome::Busy);
        };
        let outcome = tokio::select! {
            outcome = self.run_alone(only) => outcome,
            lost = lock.keep() => return Err(lost),
        };
        lock.release().await;
        outcome
    }

    async fn run_alone(&self, only: Option<&EventId>) -> Result<Outcome, Trouble> {
        let Some(events) = self.events(only).await? else {
            return Ok(Outcome::NoSuchEvent);
        };
        let mut report = Report::new(self.mode);
        let mut session = self.store.connect().await?;
        let (mode, by) = (self.mode.as_str(), self.by.as_str());
        session.begin_reconciliation(report.run_id, mode, by, only).await?;
        let keep = if only.is_some() { Keep::All } else { Keep::Telling };
        for group in events.chunks(GROUP) {
            // Boxed, like the scan: futures so deep within each other are beyond the compiler.
            Box::pin(self.group(group, &mut report, keep)).await;
        }
        self.note(&report, only).await?;
        Ok(Outcome::Ran(report))
    }

    /// None: there is no such event.
    async fn events(&self, only: Option<&EventId>) -> Result<Option<Vec<Event>>, Trouble> {
        let mut session = self.store.connect().await?;
        let Some(id) = only else {
            let live = session.live_events().await?;
            let armed = |event: &Event| event.epoch > 0 && !event.is_archived();
            return Ok(Some(live.into_iter().filter(armed).collect()));
        };
        Ok(session.event(id).await?.map(|event| vec![event]))
    }

    /// Events that wait for their deadline together. What keeps one from being judged keeps no
    /// other from it.
    async fn group(&self, events: &[Event], report: &mut Report, keep: Keep) {
        let mut marked = Vec::new();
        for event in events {
            let id = &event.event_id;
            match watermark::take(&self.cluster, event).await {
                Ok(mark) => marked.push((id, mark)),
                Err(trouble) => report.add(EventReport::not_judged(id, trouble), keep),
            }
        }
        if marked.is_empty() {
            return;
        }
        sleep(SETTLE).await;
        for (event, outcome) in self.look_at(&marked).await {
            let of = outcome.unwrap_or_else(|trouble| EventReport::not_judged(event, trouble));
            report.add(of, keep);
        }
    }

    async fn look_at<'a>(
        &self,
        marked: &'a [(&'a EventId, Watermark)],
    ) -> Vec<(&'a EventId, Result<EventReport, Trouble>)> {
        let mut outboxes = Vec::new();
        for (event, mark) in marked {
            outboxes.push(watermark::outbox(&self.cluster, event, mark).await);
        }
        let caught_up = match watermark::ends(&self.log).await {
            Ok(ends) => watermark::caught_up(&self.store, &ends, CATCH_UP).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = caught_up {
            let text = trouble.to_string();
            let same = |(event, _): &'a (&'a EventId, Watermark)| {
                (*event, Ok(EventReport::not_judged(event, &text)))
            };
            return marked.iter().map(same).collect();
        }
        let mut reports = Vec::new();
        for ((event, mark), outbox) in marked.iter().zip(outboxes) {
            let look = Look {
                store: &self.store,
                cluster: &self.cluster,
                event,
                mark,
                repairs: &self.repairs,
                pace: self.pace,
            };
            let report = match outbox {
                Ok(outbox) => Box::pin(scan(&look, outbox)).await,
                Err(trouble) => Err(trouble),
            };
            reports.push((*event, report));
        }
        reports
    }

    async fn note(&self, report: &Report, only: Option<&EventId>) -> Result<(), Trouble> {
        let end =
            RunEnd { run: report.run_id, figures: report.figures, report: print::stored(report) };
        let audited = self.audited(report, only);
        Ok(self.store.connect().await?.end_reconciliation(&end, audited.as_ref()).await?)
    }

    /// The line of the audit of a run that was to repair; None: it was not, or nobody asked for it.
    fn audited<'a>(&'a self, report: &Report, only: Option<&'a EventId>) -> Option<Entry<'a>> {
        let By::Command(operator) = &self.by else {
            return None;
        };
        let Figures { differences, published, rearms_asked, .. } = report.figures;
        (self.mode == Mode::Repair).then(|| Entry {
            operator,
            action: Action::Reconcile,
            event: only,
            version: None,
            subject: format!("run {}", report.run_id),
            was: json!({ "differences": differences }),
            became: json!({ "published": published, "rearms_asked": rearms_asked }),
        })
    }
}
