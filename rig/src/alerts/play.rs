//! A rush in which nothing is broken, then one case after another.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::alertmanager::Alertmanager;
use super::case::Case;
use super::error::AlertError;
use super::ground::Ground;
use super::pace::Pace;
use super::prometheus::{Prometheus, times_at};
use super::report::Report;
use super::times::Times;
use super::trial::Trial;
use crate::check::Sources;
use crate::rush::{Display, Plan, drive};
use crate::stack::{Handle, PartKind, wait_until};

/// All targets have been scraped twice within this.
const WATCHES_WITHIN: Duration = Duration::from_secs(60);
/// After a rush, what fires late.
const AFTER_THE_RUSH: Duration = Duration::from_secs(15);
/// Units of the rush, one for so many users.
const USERS_A_UNIT: u32 = 20;

/// What is played.
#[derive(Clone)]
pub struct Play {
    /// How fast rules are.
    pub pace: Pace,
    /// Users of the rush before the cases; None: no rush.
    pub users: Option<u32>,
    /// In this order.
    pub cases: Vec<&'static Case>,
    /// Where the rush's history goes.
    pub history: PathBuf,
}

/// Plays all of it on a stack; `tell` hears of each case when it is over.
pub async fn play(
    stack: &Handle,
    play: &Play,
    mut tell: impl FnMut(&Case, &Trial),
) -> Result<Report, AlertError> {
    let alertmanager = Alertmanager::start().await?;
    let prometheus = Prometheus::start(stack, play.pace, Some(alertmanager.address())).await?;
    let times = times_at(play.pace)?;
    let watchers = Watchers { prometheus, alertmanager, times };
    watchers.watch(stack).await?;
    let mut report = Report::default();
    if let Some(users) = play.users {
        report.users = Some(users);
        report.fired_in_the_rush = Box::pin(watchers.rush(stack, users, play)).await?;
    }
    if play.cases.is_empty() {
        return Ok(report);
    }
    let mut ground = Box::pin(Ground::prepare(stack.clone())).await?;
    let asking = Ground::ask(ground.edges(), ground.busy.clone());
    let cases = async {
        for case in &play.cases {
            let trial = Box::pin(watchers.case(&mut ground, case)).await;
            tell(case, &trial);
            report.add(trial);
        }
    };
    tokio::select! {
        () = cases => {}
        () = asking => {}
    }
    Ok(report)
}

/// Who watches.
pub(super) struct Watchers {
    pub(super) prometheus: Prometheus,
    pub(super) alertmanager: Alertmanager,
    /// By the rules that Prometheus has.
    pub(super) times: Times,
}

impl Watchers {
    /// Waits until every program is watched.
    async fn watch(&self, stack: &Handle) -> Result<(), AlertError> {
        let programs =
            stack.metrics(PartKind::Edge).len() + stack.metrics(PartKind::Persister).len();
        let watched = wait_until(WATCHES_WITHIN, "two scrapes of every program", || async {
            let up = self.prometheus.query("count_over_time(up[1m]) > 1 and up == 1").await;
            match up.map_err(|error| error.to_string())?.len() {
                up if up == programs => Ok(()),
                up => Err(format!("{up} of {programs}")),
            }
        });
        Ok(watched.await?)
    }

    /// The alerts that fired in a rush in which nothing is broken.
    async fn rush(
        &self,
        stack: &Handle,
        users: u32,
        play: &Play,
    ) -> Result<Vec<String>, AlertError> {
        let began = Instant::now();
        let event =
            "alerts-rush".parse().map_err(|_| super::ground::failed("an id", "alerts-rush"))?;
        let stock = u64::from((users / USERS_A_UNIT).max(1));
        let rush = Plan::new(users, event, stock, play.history.clone()).prepare(stack).await?;
        let mut sources = Sources::of(stack).await?;
        drive(rush, &mut sources.mysql, Display::of_stdout()).await?;
        sleep(AFTER_THE_RUSH).await;
        self.prometheus.fired_within(began.elapsed()).await
    }
}
