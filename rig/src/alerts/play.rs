//! A rush in which nothing is broken, then one case after another.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::alertmanager::Alertmanager;
use super::case::Case;
use super::error::AlertError;
use super::ground::Ground;
use super::pace::Pace;
use super::prometheus::Prometheus;
use super::report::{Came, Report, rounded};
use crate::check::Sources;
use crate::rush::{Display, Plan, drive};
use crate::stack::{Handle, PartKind, wait_until};

/// Above all that an alert takes by itself: its range and its `for`, a scrape, an evaluation, and on
/// a busy machine whatever else.
const PATIENCE: Duration = Duration::from_secs(240);
/// Prometheus tells Alertmanager what fires within this.
const DELIVERED_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
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
    mut tell: impl FnMut(&Case, &[Came]),
) -> Result<Report, AlertError> {
    let alertmanager = Alertmanager::start().await?;
    let prometheus = Prometheus::start(stack, play.pace, Some(alertmanager.address())).await?;
    let watchers = Watchers { prometheus, alertmanager, pace: play.pace };
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
            let came = Box::pin(watchers.case(&mut ground, case, &mut report.problems)).await;
            tell(case, &came);
            report.came.extend(came);
        }
    };
    tokio::select! {
        () = cases => {}
        () = asking => {}
    }
    Ok(report)
}

/// Who watches.
struct Watchers {
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    pace: Pace,
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
        let seconds = began.elapsed().as_secs() + 1;
        let query = format!(
            "count by (alertname) (count_over_time(ALERTS{{alertstate=\"firing\"}}[{seconds}s]))"
        );
        let fired = self.prometheus.query(&query).await?;
        Ok(fired.into_iter().filter_map(|mut one| one.labels.remove("alertname")).collect())
    }

    /// Breaks, waits, heals, waits.
    async fn case(
        &self,
        ground: &mut Ground,
        case: &'static Case,
        problems: &mut Vec<String>,
    ) -> Vec<Came> {
        let mut came: Vec<Came> =
            case.alerts.iter().map(|alert| Came::waits(case.name, alert)).collect();
        let patience = self.pace.of(case.remembers) + PATIENCE;
        let mut wrong = |what: &str, error: String| {
            problems.push(format!("{}: {what}: {error}", case.name));
        };
        if let Err(error) = self.quiet(case, patience).await {
            wrong("before it", error.to_string());
            return came;
        }
        let struck = Instant::now();
        match (case.strike)(ground).await {
            Ok(()) => {
                if let Err(error) = self.fires(&mut came, struck, patience).await {
                    wrong("waiting for its alerts", error.to_string());
                }
            }
            Err(error) => wrong("breaking", error.to_string()),
        }
        if let Err(error) = (case.heal)(ground).await {
            wrong("healing", error.to_string());
            return came;
        }
        let healed = Instant::now();
        match self.quiet(case, patience).await {
            Ok(()) => {
                let after = Some(rounded(healed.elapsed()));
                came.iter_mut().for_each(|one| one.resolved_after_s = after);
            }
            Err(error) => wrong("waiting for the end", error.to_string()),
        }
        came
    }

    /// Waits until every alert fires, and Alertmanager knows of it.
    async fn fires(
        &self,
        came: &mut [Came],
        struck: Instant,
        patience: Duration,
    ) -> Result<(), AlertError> {
        while came.iter().any(|one| one.fired_after_s.is_none()) && struck.elapsed() < patience {
            let firing = self.prometheus.firing().await?;
            let after = rounded(struck.elapsed());
            let fresh = came.iter_mut().filter(|one| one.fired_after_s.is_none());
            for one in fresh.filter(|one| firing.iter().any(|name| name == one.alert)) {
                one.fired_after_s = Some(after);
            }
            sleep(LOOK_EVERY).await;
        }
        let fired = Instant::now();
        while came.iter().any(|one| !one.delivered) && fired.elapsed() < DELIVERED_WITHIN {
            let active = self.alertmanager.active().await?;
            for one in came.iter_mut() {
                one.delivered |= active.iter().any(|name| name == one.alert);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until none of a case's alerts fires, by both.
    async fn quiet(&self, case: &Case, patience: Duration) -> Result<(), AlertError> {
        let what = format!("the end of {}", case.alerts.join(", "));
        let quiet = wait_until(patience, &what, || async {
            let text = |error: AlertError| error.to_string();
            let firing = self.prometheus.firing().await.map_err(text)?;
            let active = self.alertmanager.active().await.map_err(text)?;
            let left = case
                .alerts
                .iter()
                .find(|alert| firing.iter().chain(&active).any(|name| name == *alert));
            left.map_or(Ok(()), |alert| Err(format!("{alert} fires")))
        });
        Ok(quiet.await?)
    }
}
