//! The differences that stand: of each event what the last run found that judged it, whoever made
//! that run. So an alert ends with the run that finds nothing any more, be it an operator's.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Repair;
use super::report::{By, Difference, EventReport, Mode};
use crate::store::reconcile::{KEPT_RUNS, Run};
use crate::store::{Session, StoreError};

/// What runs left, as far as their history was read.
#[derive(Debug, Default)]
pub struct Standing {
    /// By event; none of them is 0.
    differences: BTreeMap<String, u64>,
    /// Those of the last run over all events whose report had no room for their events.
    unnamed: u64,
    /// When the last run began that was read; Unix milliseconds.
    read_to_ms: u64,
}

impl Standing {
    /// Reads runs that came to their end since the last look; returns how many differences stand.
    pub async fn look(&mut self, session: &mut Session) -> Result<u64, StoreError> {
        let runs = session.ended_reconciliations(self.read_to_ms, KEPT_RUNS).await?;
        for run in since_all_were_judged(&runs) {
            let report = if tells(run) {
                session.reconciliation(run.run).await?.and_then(|run| run.report)
            } else {
                None
            };
            self.take(run, report.as_deref());
        }
        Ok(self.sum())
    }

    fn sum(&self) -> u64 {
        self.differences.values().sum::<u64>() + self.unnamed
    }

    /// Takes the next run in.
    fn take(&mut self, run: &Run, report: Option<&str>) {
        // Another build's may be unreadable: then its figures have to do.
        let reports: Vec<EventReport> =
            report.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        match &run.event {
            Some(event) => self.take_one(run, event.as_str(), &reports),
            None => self.take_all(run, &reports),
        }
        self.read_to_ms = run.started_ms;
    }

    fn take_one(&mut self, run: &Run, event: &str, reports: &[EventReport]) {
        if run.figures.not_judged > 0 {
            return;
        }
        let of = reports.iter().find(|of| of.event_id == event);
        self.set(event, of.map_or(run.figures.differences, |of| left(run, of)));
    }

    /// What it does not name agrees, or is archived. What it could not judge stands as before.
    fn take_all(&mut self, run: &Run, reports: &[EventReport]) {
        let (judged, not_judged): (Vec<&EventReport>, Vec<&EventReport>) =
            reports.iter().partition(|of| of.not_judged.is_none());
        if not_judged.len() as u64 == run.figures.not_judged {
            let kept: BTreeSet<&str> = not_judged.iter().map(|of| of.event_id.as_str()).collect();
            self.differences.retain(|event, _| kept.contains(event.as_str()));
        }
        let named: u64 = judged.iter().map(|of| of.unexplained()).sum();
        self.unnamed = run.figures.differences.saturating_sub(named);
        for of in judged {
            self.set(&of.event_id, left(run, of));
        }
    }

    fn set(&mut self, event: &str, differences: u64) {
        if differences == 0 {
            self.differences.remove(event);
        } else {
            self.differences.insert(event.to_owned(), differences);
        }
    }
}

/// The last run that judged all events, and those since: what was before says nothing any more.
fn since_all_were_judged(runs: &[Run]) -> &[Run] {
    let last = runs.iter().rposition(|run| run.event.is_none() && run.figures.not_judged == 0);
    &runs[last.unwrap_or(0)..]
}

/// Whether its report has to be read.
fn tells(run: &Run) -> bool {
    run.figures.differences > 0 || run.figures.not_judged > 0
}

/// What a run left of an event's differences. What an operator had it repair is done with, unless
/// another run finds it again: a win that was published becomes a row or a letter, and the leader
/// arms again. Of what the leader repairs by itself somebody is to hear, so that stands until the
/// next run.
fn left(run: &Run, of: &EventReport) -> u64 {
    let asked_for = run.mode == Mode::Repair.as_str() && run.started_by != By::Schedule.as_str();
    if !asked_for {
        return of.unexplained();
    }
    let counted = of.differences.iter().filter(|difference| difference.kind.counts());
    let stands = |difference: &Difference| match difference.repair {
        Repair::Publish => difference.count.saturating_sub(of.published),
        Repair::Rearm if of.rearm_asked => 0,
        Repair::Rearm | Repair::None => difference.count,
    };
    counted.map(stands).sum()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::reconcile::kinds::Kind;
    use crate::reconcile::report::{Findings, Keep, Offender, Report};
    use crate::store::reconcile::Figures;

    /// An event and how often it differs by each kind.
    fn of(event: &str, kinds: &[(Kind, u64)]) -> EventReport {
        let mut findings = Findings::default();
        for &(kind, count) in kinds {
            (0..count).for_each(|_| findings.add(kind, Offender::text("here")));
        }
        let differences = findings.into_differences();
        EventReport { not_judged: None, differences, ..not_judged(event) }
    }

    fn not_judged(event: &str) -> EventReport {
        EventReport::not_judged(&event.parse().unwrap(), "fenced")
    }

    /// A run's row and report, as they are stored.
    fn run(mode: Mode, only: Option<&str>, reports: Vec<EventReport>) -> (Run, String) {
        let mut report = Report::new(mode);
        reports.into_iter().for_each(|of| report.add(of, Keep::All));
        let run = Run {
            run: Uuid::now_v7(),
            mode: mode.as_str().to_owned(),
            started_by: "command".to_owned(),
            event: only.map(|event| event.parse().unwrap()),
            started_ms: 1,
            ended_ms: 2,
            figures: report.figures,
            report: None,
        };
        (run, super::super::print::stored(&report))
    }

    fn take(standing: &mut Standing, (run, report): (Run, String)) -> u64 {
        standing.take(&run, Some(&report));
        standing.sum()
    }

    #[test]
    fn of_each_event_the_last_run_that_judged_it_counts() {
        let mut standing = Standing::default();
        let (three, two) = ([(Kind::RowMissing, 3)], [(Kind::HeldWrong, 2)]);
        let all = vec![of("spring", &three), of("summer", &two)];
        assert_eq!(take(&mut standing, run(Mode::Report, None, all)), 5);
        let agrees = vec![of("spring", &[(Kind::DeadLettered, 4)])];
        assert_eq!(take(&mut standing, run(Mode::Report, Some("spring"), agrees)), 2);
        let cannot = vec![not_judged("summer")];
        assert_eq!(take(&mut standing, run(Mode::Report, Some("summer"), cannot)), 2);
        let rest = vec![not_judged("summer"), of("autumn", &three)];
        assert_eq!(take(&mut standing, run(Mode::Report, None, rest)), 5, "summer's stand");
        assert_eq!(take(&mut standing, run(Mode::Report, None, vec![])), 0, "all agree");
    }

    #[test]
    fn what_an_operator_had_repaired_stands_no_more_and_the_rest_does() {
        let found =
            [(Kind::RowMissing, 3), (Kind::HeldWrong, 1), (Kind::WinsUnreadable, 2)].as_slice();
        let repaired = |published, rearm_asked| {
            vec![EventReport { published, rearm_asked, ..of("spring", found) }]
        };
        let repair = |reports| run(Mode::Repair, Some("spring"), reports);
        for (published, rearm_asked, stands) in [(3, true, 2), (2, true, 3), (3, false, 3)] {
            let mut standing = Standing::default();
            let sum = take(&mut standing, repair(repaired(published, rearm_asked)));
            assert_eq!(sum, stands, "{published} {rearm_asked}");
        }
        let (mut by_itself, report) = run(Mode::Repair, None, repaired(3, true));
        by_itself.started_by = By::Schedule.as_str().to_owned();
        let stands = take(&mut Standing::default(), (by_itself, report));
        assert_eq!(stands, 6, "nobody has heard of it yet");
    }

    #[test]
    fn what_a_report_cannot_name_stands_until_the_next_run_over_all() {
        let mut standing = Standing::default();
        let (many, _) = run(Mode::Report, None, vec![of("spring", &[(Kind::RowMissing, 3)])]);
        assert_eq!(take(&mut standing, (many, "[]".to_owned())), 3);
        let (one, _) =
            run(Mode::Report, Some("summer"), vec![of("summer", &[(Kind::NthDiffers, 1)])]);
        assert_eq!(take(&mut standing, (one, "another build's".to_owned())), 4);
        assert_eq!(
            take(&mut standing, run(Mode::Report, Some("summer"), vec![of("summer", &[])])),
            3
        );
        let (mut blind, _) =
            run(Mode::Report, Some("autumn"), vec![of("autumn", &[(Kind::HeldWrong, 1)])]);
        assert_eq!(take(&mut standing, (blind.clone(), "[]".to_owned())), 4);
        blind.event = None;
        blind.figures = Figures { not_judged: 1, ..Figures::default() };
        assert_eq!(take(&mut standing, (blind, "[]".to_owned())), 1, "of which is not known");
        assert_eq!(take(&mut standing, run(Mode::Report, None, vec![])), 0);
    }

    #[test]
    fn history_is_read_from_the_last_run_that_judged_all() {
        let (all, _) = run(Mode::Report, None, vec![]);
        let (some, _) = run(Mode::Report, None, vec![not_judged("spring")]);
        let (one, _) = run(Mode::Report, Some("spring"), vec![of("spring", &[])]);
        assert!(tells(&some) && !tells(&all) && !tells(&one));
        let runs = [&one, &all, &one, &all, &some, &one].map(Clone::clone);
        assert_eq!(since_all_were_judged(&runs).len(), 3);
        assert_eq!(since_all_were_judged(&runs[4..]).len(), 2);
        assert!(since_all_were_judged(&[]).is_empty());
    }
}
