//! Runs by themselves: the leader's, one after another, out of the way of a rush.

use std::time::Duration;

use contract::ids::EventId;
use links::kafka::Kafka;
use links::redis::Cluster;
use tokio::time::sleep;
use tracing::{info, warn};

use super::pace::{Pace, busiest, is_hot};
use super::report::{By, Mode, Report};
use super::{Outcome, Reconciler, Trouble};
use crate::metrics::{self, Reconciled};
use crate::stop::Stop;
use crate::store::reconcile::Figures;
use crate::store::{Store, StoreError};

/// Looked at again after this long where a shard was in a rush, another run was at work, or
/// something failed.
const AGAIN: Duration = Duration::from_secs(15);
/// A new leader has this long for what it has to do first.
const FIRST: Duration = Duration::from_secs(5);
/// By how much of its interval a run comes earlier or later, at most: persisters of several systems
/// on the same servers do not run together.
const JITTER: f64 = 0.1;

/// When runs begin, and what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// From the beginning of one run to that of the next, about.
    pub every: Duration,
    /// What a run may do about what it finds.
    pub mode: Mode,
}

/// What a look came to.
#[derive(Debug)]
pub enum Step {
    /// A run took place.
    Ran(Report),
    /// Shards are in a rush: the share of the time that the busiest one works.
    Hot(f64),
    /// Another run is at work.
    Busy,
    /// It failed.
    Failed(Trouble),
}

/// The leader's runs.
pub struct Schedule {
    store: Store,
    cluster: Cluster,
    reconciler: Reconciler,
    every: Duration,
}

impl Schedule {
    /// Of those servers.
    pub fn new(store: Store, cluster: Cluster, kafka: Kafka, setting: Setting) -> Self {
        let by = (By::Schedule, Pace::Resting);
        let reconciler = Reconciler::new(store.clone(), cluster.clone(), kafka, setting.mode, by);
        Self { store, cluster, reconciler, every: setting.every }
    }

    /// Runs whenever it is time, until it is asked to stop. A run that is under way then is cut
    /// short: it has changed nothing that another run would not change.
    pub async fn run(self, mut stop: Stop) {
        let mut waits_for_calm = false;
        let mut next = Next::Due;
        loop {
            let step = tokio::select! {
                () = stop.asked() => return,
                step = self.wait_and_step(next) => step,
            };
            let Some(step) = step else { continue };
            let hot = matches!(step, Step::Hot(_));
            if hot && !waits_for_calm {
                info!("reconcile waits: shards are in a rush");
            }
            waits_for_calm = hot;
            tell(&step);
            next = after(&step);
        }
    }

    /// A run when it is time for one; None: MySQL did not say for a while whether it is.
    async fn wait_and_step(&self, next: Next) -> Option<Step> {
        match next {
            Next::Again => sleep(AGAIN).await,
            Next::Due => match self.pause().await {
                Ok(pause) => sleep(pause).await,
                Err(error) => {
                    warn!(%error, "reconcile cannot read when it ran last");
                    sleep(AGAIN).await;
                    return None;
                }
            },
        }
        Some(Box::pin(self.step()).await)
    }

    /// How long until a run is due.
    async fn pause(&self) -> Result<Duration, StoreError> {
        let ago = self.store.connect().await?.last_scheduled_run().await?;
        Ok(due_in(self.every, ago, rand::random_range(-1.0..=1.0)))
    }

    /// One run now, unless shards are in a rush.
    pub async fn step(&self) -> Step {
        let events = match self.events().await {
            Ok(events) => events,
            Err(error) => return Step::Failed(error.into()),
        };
        let share = busiest(&self.cluster, &events).await;
        if is_hot(share) {
            return Step::Hot(share);
        }
        match self.reconciler.run(None).await {
            Ok(Outcome::Ran(report)) => Step::Ran(report),
            Ok(Outcome::Busy | Outcome::NoSuchEvent) => Step::Busy,
            Err(trouble) => Step::Failed(trouble),
        }
    }

    async fn events(&self) -> Result<Vec<EventId>, StoreError> {
        self.store.connect().await?.armed_events().await
    }
}

/// What is waited for before a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Until a run is due.
    Due,
    /// A moment: the run that was due did not take place.
    Again,
}

fn after(step: &Step) -> Next {
    match step {
        Step::Ran(_) => Next::Due,
        Step::Hot(_) | Step::Busy | Step::Failed(_) => Next::Again,
    }
}

fn tell(step: &Step) {
    let what = match step {
        Step::Ran(report) if report.is_clean() => {
            let Figures { events, wins, .. } = report.figures;
            info!(run = %report.run_id, events, wins, "reconciled");
            Reconciled::Clean
        }
        Step::Ran(report) => {
            let Figures { differences, not_judged, .. } = report.figures;
            let run = report.run_id;
            warn!(%run, differences, not_judged, "reconcile found what does not agree");
            if differences > 0 { Reconciled::Differs } else { Reconciled::NotJudged }
        }
        Step::Hot(_) => Reconciled::Hot,
        Step::Busy => Reconciled::Busy,
        Step::Failed(trouble) => {
            warn!(%trouble, "reconcile failed");
            Reconciled::Failed
        }
    };
    metrics::reconciled(what);
}

/// How long until a run is due; `ago`: since the last one began, None: nobody knows. `jitter`: from -1
/// to 1.
fn due_in(every: Duration, ago: Option<Duration>, jitter: f64) -> Duration {
    let every = every.mul_f64(JITTER.mul_add(jitter, 1.0));
    every.saturating_sub(ago.unwrap_or_default()).max(FIRST.min(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_put_a_run_off_does_not_make_the_next_one_wait_its_interval() {
        let report = Report::new(Mode::Report);
        assert_eq!(after(&Step::Ran(report)), Next::Due);
        let failed = Step::Failed(Trouble::LockLost);
        for step in [Step::Hot(0.5), Step::Busy, failed] {
            assert_eq!(after(&step), Next::Again, "{step:?}");
        }
    }

    #[test]
    fn a_run_is_due_an_interval_after_the_last_whoever_leads() {
        let s = Duration::from_secs;
        assert_eq!(due_in(s(100), None, 0.0), s(100));
        assert_eq!(due_in(s(100), Some(s(30)), 0.0), s(70));
        assert_eq!(due_in(s(100), Some(s(30)), 1.0), s(80));
        assert_eq!(due_in(s(100), Some(s(30)), -1.0), s(60));
        assert_eq!(due_in(s(100), Some(s(500)), 0.0), FIRST);
        assert_eq!(due_in(s(1), Some(s(500)), 0.0), s(1));
    }
}
