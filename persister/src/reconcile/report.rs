//! What a run found.

use std::collections::BTreeMap;

use contract::coupon::Win;
use contract::ids::{EventId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kinds::{Kind, Repair};
use crate::store::audit::Operator;
use crate::store::reconcile::Figures;

/// Offenders of one kind and event that are named; the rest are counted.
const NAMED: usize = 20;

/// What a run may do about what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing.
    Report,
    /// What [`Kind::repair`] says.
    Repair,
}

impl Mode {
    /// The word, as MySQL keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Repair => "repair",
        }
    }
}

/// Who begins a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Somebody, who waits for it.
    Command(Operator),
    /// The leader, by itself.
    Schedule,
}

impl By {
    /// The word, as MySQL keeps it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Schedule => "schedule",
        }
    }
}

/// What differs, in one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Offender {
    /// Its user; null where it is nobody's.
    pub user: Option<String>,
    /// Its coupon.
    pub coupon: Option<String>,
    /// Its number.
    pub sequence: Option<u64>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Offender {
    /// A win or a row.
    pub(super) fn of(user: impl ToString, win: &Win) -> Self {
        Self {
            user: Some(user.to_string()),
            coupon: Some(win.coupon.to_string()),
            sequence: Some(win.sequence),
            detail: String::new(),
        }
    }

    /// Something that is no win.
    pub(super) fn text(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..Self::default() }
    }

    /// The same, with more to say.
    pub(super) fn with(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// Whose row has a win's coupon, as a detail. Erasing a user looks for it.
pub(crate) fn owner_of_row(event: &EventId, user: &UserId) -> String {
    format!("its row is {event}/{user}'s")
}

/// All differences of a kind in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// How Redis and MySQL differ.
    pub kind: Kind,
    /// What a run in [`Mode::Repair`] does about it.
    pub repair: Repair,
    /// How often. Where the wins hash grew meanwhile, some may be counted twice.
    pub count: u64,
    /// The first of them.
    pub offenders: Vec<Offender>,
}

/// What was found in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReport {
    /// The event.
    pub event_id: String,
    /// Why it could not be judged; null: it was. Another run may.
    pub not_judged: Option<String>,
    /// Its epoch.
    pub epoch: u64,
    /// The highest number that it had given when the run began; later wins were not looked at.
    pub sequence: u64,
    /// Units that it counted as held then.
    pub held: u64,
    /// Wins that were compared.
    pub wins: u64,
    /// Rows that were compared.
    pub rows: u64,
    /// Wins without a row that Kafka had not acknowledged yet, and changes of coupons that the leader
    /// had not carried yet.
    pub in_flight: u64,
    /// Wins without a row whose dead letter waits.
    pub dead_lettered: u64,
    /// Wins without a row that an operator gave up.
    pub given_up: u64,
    /// What changed while it was looked at twice, and was not judged.
    pub unsettled: u64,
    /// What differs, by kind.
    pub differences: Vec<Difference>,
    /// Wins that were published again.
    pub published: u64,
    /// Whether the leader was asked to arm the event again.
    pub rearm_asked: bool,
}

impl EventReport {
    /// Of an event that cannot be judged, and why.
    pub(super) fn not_judged(event: &EventId, why: impl ToString) -> Self {
        Self {
            event_id: event.to_string(),
            not_judged: Some(why.to_string()),
            epoch: 0,
            sequence: 0,
            held: 0,
            wins: 0,
            rows: 0,
            in_flight: 0,
            dead_lettered: 0,
            given_up: 0,
            unsettled: 0,
            differences: Vec::new(),
            published: 0,
            rearm_asked: false,
        }
    }

    /// Differences that nothing explains.
    pub fn unexplained(&self) -> u64 {
        let counted = self.differences.iter().filter(|difference| difference.kind.counts());
        counted.map(|difference| difference.count).sum()
    }

    /// Whether it was judged to the end and Redis and MySQL agree.
    pub fn is_clean(&self) -> bool {
        self.not_judged.is_none() && self.unsettled == 0 && self.unexplained() == 0
    }
}

/// Gathers differences while an event is looked at.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: BTreeMap<Kind, (u64, Vec<Offender>)>,
}

impl Findings {
    /// Notes one.
    pub(super) fn add(&mut self, kind: Kind, offender: Offender) {
        let (count, offenders) = self.found.entry(kind).or_default();
        *count += 1;
        if offenders.len() < NAMED {
            offenders.push(offender);
        }
    }

    /// Whether any calls for a re-arm.
    pub(super) fn call_for_rearm(&self) -> bool {
        self.found.keys().any(|kind| kind.repair() == Repair::Rearm)
    }

    /// By kind.
    pub(super) fn into_differences(self) -> Vec<Difference> {
        let difference = |(kind, (count, offenders)): (Kind, (u64, Vec<Offender>))| Difference {
            kind,
            repair: kind.repair(),
            count,
            offenders,
        };
        self.found.into_iter().map(difference).collect()
    }
}

/// What a run found. Fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Names the run's row.
    pub run_id: Uuid,
    /// What it was free to do.
    pub mode: Mode,
    /// What it came to.
    #[serde(flatten)]
    pub figures: Figures,
    /// Events with anything to say; all others agree.
    pub reports: Vec<EventReport>,
}

impl Report {
    /// Of a run that begins.
    pub(super) fn new(mode: Mode) -> Self {
        Self { run_id: Uuid::now_v7(), mode, figures: Figures::default(), reports: Vec::new() }
    }

    /// Takes an event in. An event that agrees is kept only where it is the one asked for.
    pub(super) fn add(&mut self, report: EventReport, keep: Keep) {
        let figures = &mut self.figures;
        figures.events += 1;
        figures.not_judged += u64::from(report.not_judged.is_some());
        figures.wins += report.wins;
        figures.rows += report.rows;
        figures.in_flight += report.in_flight;
        figures.dead_lettered += report.dead_lettered;
        figures.given_up += report.given_up;
        figures.differences += report.unexplained();
        figures.published += report.published;
        figures.rearms_asked += u64::from(report.rearm_asked);
        if keep == Keep::All || !report.is_clean() || !report.differences.is_empty() {
            self.reports.push(report);
        }
    }

    /// Whether every event was judged and Redis and MySQL agree about it.
    pub fn is_clean(&self) -> bool {
        self.figures.not_judged == 0 && self.reports.iter().all(EventReport::is_clean)
    }
}

/// Which events a report names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// All.
    All,
    /// Those with anything to say.
    Telling,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kinds: &[Kind]) -> EventReport {
        let mut findings = Findings::default();
        kinds.iter().for_each(|&kind| findings.add(kind, Offender::text("here")));
        let event = "spring".parse().unwrap();
        EventReport {
            not_judged: None,
            differences: findings.into_differences(),
            ..EventReport::not_judged(&event, "")
        }
    }

    #[test]
    fn many_of_a_kind_are_counted_and_the_first_named() {
        let report = report(&[Kind::RowMissing; 50]);
        let [difference] = report.differences.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!((difference.count, difference.offenders.len()), (50, NAMED));
        assert_eq!(report.unexplained(), 50);
    }

    #[test]
    fn a_dead_letter_explains_and_is_named() {
        let mut run = Report::new(Mode::Report);
        run.add(report(&[]), Keep::Telling);
        run.add(report(&[Kind::DeadLettered]), Keep::Telling);
        assert!(run.is_clean());
        assert_eq!((run.figures.events, run.figures.differences, run.reports.len()), (2, 0, 1));
    }

    #[test]
    fn what_could_not_be_judged_is_not_clean() {
        let mut run = Report::new(Mode::Report);
        run.add(EventReport::not_judged(&"spring".parse().unwrap(), "fenced"), Keep::Telling);
        assert!(!run.is_clean());
        let unsettled = EventReport { unsettled: 1, ..report(&[]) };
        assert!(!unsettled.is_clean());
        assert!(!report(&[Kind::HeldWrong]).is_clean());
    }
}
