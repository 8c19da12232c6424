//! A report, for people and for the run's row.

use serde::Deserialize;

use super::history::RunView;
use super::kinds::{Kind, KindView, Repair};
use super::report::{Difference, EventReport, Offender, Report};
use crate::operator::spelt;

/// What the column of a run's row takes, with room to spare.
const MAX_STORED_BYTES: usize = 1 << 20;
/// Offenders that are shown of each kind; JSON has more.
const SHOWN: usize = 5;

/// Prints a report for people.
pub fn print(report: &Report) {
    for event in &report.reports {
        print_event(event);
    }
    let figures = &report.figures;
    println!(
        "{} events, {} differences, {} published again, {} re-arms asked for, {} not judged (run {})",
        figures.events,
        figures.differences,
        figures.published,
        figures.rearms_asked,
        figures.not_judged,
        report.run_id
    );
}

/// Prints runs for people.
pub fn print_history(runs: &[RunView]) {
    if runs.is_empty() {
        return println!("no runs yet");
    }
    for run in runs {
        print_figures(run);
    }
}

/// Prints the kinds of difference for people.
pub fn print_kinds(kinds: &[KindView]) {
    for KindView { kind, repair, what, .. } in kinds {
        println!("{:17} {:8} {what}", kind.as_str(), repair.as_str());
    }
}

/// Prints a run with its report for people.
pub fn print_run(run: &RunView) {
    print_figures(run);
    let reports = run.reports.as_ref().and_then(serde_json::Value::as_array);
    for report in reports.into_iter().flatten() {
        match EventReport::deserialize(report) {
            Ok(event) => print_event(&event),
            // Another build's; JSON is for people too.
            Err(_) => println!("{report}"),
        }
    }
}

fn print_figures(run: &RunView) {
    let of = run.event_id.as_deref().unwrap_or("all events");
    print!("{} {} by {}, {of}: ", run.started_at, run.mode, run.started_by);
    let Some(took_ms) = run.took_ms else {
        return println!("not ended (run {})", run.run_id);
    };
    let figures = &run.figures;
    println!(
        "{} events, {} not judged, {} wins and {} rows, {} differences, {} published again, {} \
         re-arms asked for, {} dead-lettered, {} given up, in {took_ms} ms (run {})",
        figures.events,
        figures.not_judged,
        figures.wins,
        figures.rows,
        figures.differences,
        figures.published,
        figures.rearms_asked,
        figures.dead_lettered,
        figures.given_up,
        run.run_id
    );
}

fn print_event(event: &EventReport) {
    let id = &event.event_id;
    if let Some(why) = &event.not_judged {
        return println!("{id}: not judged: {}", spelt(why));
    }
    println!(
        "{id}: {} differences; {} wins and {} rows up to number {} of epoch {}, {} on their way",
        event.unexplained(),
        event.wins,
        event.rows,
        event.sequence,
        event.epoch,
        event.in_flight
    );
    if event.unsettled > 0 {
        println!("  {} changed while they were looked at: run it again", event.unsettled);
    }
    for difference in &event.differences {
        print_difference(event, difference);
    }
}

fn print_difference(event: &EventReport, difference: &Difference) {
    let done = match difference.repair {
        Repair::Publish if event.published > 0 => "published again",
        Repair::Publish => "--repair publishes them again",
        Repair::Rearm if event.rearm_asked => "the leader was asked to arm the event again",
        Repair::Rearm => "--repair asks the leader to arm the event again",
        Repair::None if difference.kind == Kind::GivenUp => {
            "an operator gave them up: persister dlt list --state given-up"
        }
        Repair::None if difference.kind == Kind::DeadLettered => {
            "they wait for an operator: persister dlt list"
        }
        Repair::None => "somebody has to look: see the log of the persister",
    };
    println!("  {} {}: {done}", difference.count, difference.kind.as_str());
    for offender in difference.offenders.iter().take(SHOWN) {
        println!("    {}", spelt(&line(offender)));
    }
}

fn line(offender: &Offender) -> String {
    let who = offender.user.iter().map(|user| format!("{user}'s"));
    let coupon = offender.coupon.iter().cloned();
    let number = offender.sequence.iter().map(|sequence| format!("number {sequence}"));
    let detail = Some(offender.detail.clone()).filter(|detail| !detail.is_empty());
    who.chain(coupon).chain(number).chain(detail).collect::<Vec<_>>().join(" ")
}

/// The JSON that the run's row keeps: all of the report, or its figures alone where that is too
/// much.
pub(super) fn stored(report: &Report) -> String {
    let whole = serde_json::to_string(&report.reports).unwrap_or_default();
    if whole.len() <= MAX_STORED_BYTES {
        return whole;
    }
    let figures: Vec<EventReport> = report.reports.iter().map(without_offenders).collect();
    let text = serde_json::to_string(&figures).unwrap_or_default();
    if text.len() <= MAX_STORED_BYTES { text } else { "[]".to_owned() }
}

fn without_offenders(event: &EventReport) -> EventReport {
    let mut event = event.clone();
    event.differences.iter_mut().for_each(|difference| difference.offenders.clear());
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::report::{Findings, Keep, Mode};

    fn report(events: usize) -> Report {
        let mut report = Report::new(Mode::Report);
        for number in 0..events {
            let mut findings = Findings::default();
            for _ in 0..20 {
                findings.add(Kind::RowMissing, Offender::text("x".repeat(100)));
            }
            let event = format!("event-{number}").parse().unwrap();
            let of = EventReport {
                differences: findings.into_differences(),
                ..EventReport::not_judged(&event, "why")
            };
            report.add(of, Keep::All);
        }
        report
    }

    #[test]
    fn a_line_says_what_is_known() {
        assert_eq!(line(&Offender::text("3-8")), "3-8");
        let named = Offender {
            user: Some("ann".to_owned()),
            coupon: Some("c".to_owned()),
            sequence: Some(7),
            detail: "why".to_owned(),
        };
        assert_eq!(line(&named), "ann's c number 7 why");
    }

    #[test]
    fn a_report_fits_its_row() {
        assert!(stored(&report(2)).contains("xxx"));
        let many = stored(&report(1_000));
        assert!(many.len() <= MAX_STORED_BYTES && many.contains("event-999"), "{}", many.len());
        assert!(!many.contains("xxx"));
        assert_eq!(stored(&report(10_000)), "[]");
    }
}
