//! One case: something is broken, its alerts come in their times, it is healed, they go.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::case::{Awaited, Case};
use super::error::AlertError;
use super::ground::Ground;
use super::judge::{Reached, Seen};
use super::play::Watchers;
use super::report::{Beside, Came};
use crate::stack::wait_until;

/// After its time an alert is looked for this much longer: one that is late is another failure than
/// one that never comes.
const LATE_WITHIN: Duration = Duration::from_secs(120);
/// Prometheus tells Alertmanager at once what fires, and after a failure within a minute.
const DELIVERED_WITHIN: Duration = Duration::from_secs(60);
/// What was healed is well for all to see within this, beside what rules remember: on a busy machine a
/// shard or a broker may take a minute or two to be whole.
const RESOLVED_WITHIN: Duration = Duration::from_secs(240);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What came of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Each of its alerts.
    pub came: Vec<Came>,
    /// What else fired.
    pub beside: Beside,
    /// What kept it from being played to its end.
    pub problems: Vec<String>,
}

/// A case while it is played.
struct Played {
    case: &'static Case,
    /// How long each of its alerts may take.
    within: Vec<Duration>,
    /// Each of its alerts.
    seen: Vec<Seen>,
    beside: Beside,
}

/// What went wrong, and when.
struct Trouble(&'static str, AlertError);

/// For `map_err`.
fn during<E: Into<AlertError>>(step: &'static str) -> impl FnOnce(E) -> Trouble {
    move |error| Trouble(step, error.into())
}

impl Watchers {
    /// Breaks, waits, heals, waits.
    pub(super) async fn case(&self, ground: &mut Ground, case: &'static Case) -> Trial {
        let mut played = Played {
            case,
            within: Vec::new(),
            seen: vec![Seen::default(); case.alerts.len()],
            beside: Beside { case: case.name, ..Beside::default() },
        };
        let mut troubles = Vec::new();
        if let Err(trouble) = self.play(ground, &mut played, &mut troubles).await {
            troubles.push(trouble);
        }
        played.judged(troubles)
    }

    /// Heals also where it could not be broken, or watched. A trouble that is returned ends the case.
    async fn play(
        &self,
        ground: &mut Ground,
        played: &mut Played,
        troubles: &mut Vec<Trouble>,
    ) -> Result<(), Trouble> {
        let case = played.case;
        let within = case.alerts.iter().map(|awaited| self.within(awaited));
        played.within = within.collect::<Result<_, _>>().map_err(during("its rules"))?;
        self.quiet(case).await.map_err(during("before it"))?;
        let before = self.prometheus.firing().await.map_err(during("before it"))?;
        let began = Instant::now();
        let broken = match (case.strike)(ground).await.map_err(during("breaking")) {
            // From here on time counts: what takes long to stop is no fault yet.
            Ok(()) => self.fires(played).await.map_err(during("waiting for its alerts")),
            Err(trouble) => Err(trouble),
        };
        troubles.extend(broken.err());
        (case.heal)(ground).await.map_err(during("healing"))?;
        let healed = Instant::now();
        match self.quiet(case).await {
            Ok(()) => {
                let after = Some(healed.elapsed());
                played.seen.iter_mut().for_each(|seen| seen.resolved_after = after);
            }
            Err(error) => troubles.push(Trouble("waiting for the end", error)),
        }
        let fired = self.prometheus.fired_within(began.elapsed()).await;
        played.besides(fired.map_err(during("what else fired"))?, &before);
        Ok(())
    }

    fn within(&self, awaited: &Awaited) -> Result<Duration, AlertError> {
        let within = self.times.within(awaited.alert, awaited.needs);
        within.ok_or(AlertError::NoTime(awaited.alert))
    }

    /// Waits until every alert fires, and Alertmanager knows of it.
    async fn fires(&self, played: &mut Played) -> Result<(), AlertError> {
        let struck = Instant::now();
        let patience = played.within.iter().max().copied().unwrap_or_default() + LATE_WITHIN;
        loop {
            let firing = self.prometheus.firing().await?;
            let after = struck.elapsed();
            let known = self.alertmanager.known().await?;
            for (awaited, seen) in played.case.alerts.iter().zip(&mut played.seen) {
                let fires = firing.iter().any(|name| name == awaited.alert);
                let reached = known.get(awaited.alert).copied().unwrap_or(Reached::No);
                seen.look(after, fires, reached);
            }
            let is_open = |seen: &Seen| seen.is_open(after, patience, DELIVERED_WITHIN);
            if !played.seen.iter().any(is_open) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until none of a case's alerts fires, by both.
    async fn quiet(&self, case: &Case) -> Result<(), AlertError> {
        let names: Vec<&str> = case.alerts.iter().map(|awaited| awaited.alert).collect();
        let remembers = names.iter().map(|name| self.times.remembers(name)).max();
        let within = remembers.unwrap_or_default() + RESOLVED_WITHIN;
        let what = format!("the end of {}", names.join(", "));
        let quiet = wait_until(within, &what, || async {
            let text = |error: AlertError| error.to_string();
            let mut firing = self.prometheus.firing().await.map_err(text)?;
            firing.extend(self.alertmanager.known().await.map_err(text)?.into_keys());
            let left = names.iter().find(|alert| firing.iter().any(|name| name == *alert));
            left.map_or(Ok(()), |alert| Err(format!("{alert} fires")))
        });
        Ok(quiet.await?)
    }
}

impl Played {
    /// Which of the alerts that fired in it were not waited for.
    fn besides(&mut self, fired: Vec<String>, before: &[String]) {
        let awaited = |name: &String| self.case.alerts.iter().any(|one| one.alert == name);
        let others = fired.into_iter().filter(|name| !awaited(name));
        (self.beside.from_before, self.beside.fired) =
            others.partition(|name| before.contains(name));
    }

    fn judged(self, troubles: Vec<Trouble>) -> Trial {
        let Self { case, within, seen, beside } = self;
        // Without times nothing was played, and nothing was seen.
        let within = within.into_iter().chain(std::iter::repeat(Duration::ZERO));
        let alerts = case.alerts.iter().zip(within).zip(&seen);
        let came = alerts
            .map(|((awaited, within), seen)| Came::of(case.name, awaited.alert, within, seen))
            .collect();
        let problem = |Trouble(step, error)| format!("{}: {step}: {error}", case.name);
        Trial { came, beside, problems: troubles.into_iter().map(problem).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::case::CASES;
    use crate::alerts::judge::Verdict;

    fn played() -> Played {
        let case = CASES.iter().find(|case| case.name == "edge-stopped").unwrap();
        Played {
            case,
            within: vec![Duration::from_secs(20)],
            seen: vec![Seen::default()],
            beside: Beside { case: case.name, ..Beside::default() },
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_else_fired_is_told_apart_from_what_fired_already() {
        let mut played = played();
        let fired = names(&["ClaimsFailing", "ClaimsSlow", "PartDown"]);
        played.besides(fired, &names(&["ClaimsSlow", "NoLeader"]));
        assert_eq!(played.beside.fired, ["ClaimsFailing"]);
        assert_eq!(played.beside.from_before, ["ClaimsSlow"], "NoLeader was over by then");
    }

    #[test]
    fn each_alert_is_judged_by_its_own_time() {
        let mut of_two = played();
        of_two.case = CASES.iter().find(|case| case.name == "persisters-stopped").unwrap();
        of_two.within = vec![Duration::from_secs(20), Duration::from_secs(40)];
        let seen = Seen {
            fired_after: Some(Duration::from_secs(30)),
            reached: Reached::Yes,
            resolved_after: Some(Duration::ZERO),
        };
        of_two.seen = vec![seen; 2];
        let verdicts =
            of_two.judged(Vec::new()).came.iter().map(|came| came.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts, [Verdict::Late, Verdict::Ok]);
    }

    #[test]
    fn a_case_that_was_not_played_has_missed_its_alerts_and_says_why() {
        let nothing = Played { within: Vec::new(), ..played() };
        let trouble = Trouble("its rules", AlertError::NoTime("PartDown"));
        let trial = nothing.judged(vec![trouble]);
        assert_eq!(trial.came[0].verdict, Verdict::Missed);
        assert!(trial.problems[0].starts_with("edge-stopped: its rules: PartDown"));
    }
}
