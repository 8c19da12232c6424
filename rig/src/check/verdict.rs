//! The outcome of a check: counts, and what is broken.

use std::collections::HashMap;
use std::fmt;
use std::mem::{Discriminant, discriminant};

use super::books::Books;
use super::evidence::Unnoted;
use super::history::History;
use super::violation::Violation;
use crate::rush::Origin;

/// Offenders of one kind that are named; the rest are counted.
const NAMED: u64 = 5;

/// The figures of the verdict line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Different coupons that clients were told of.
    pub told: u64,
    /// Rows in MySQL that are held.
    pub rows: u64,
    /// Wins in Redis that are held.
    pub in_redis: u64,
    /// Users who have more than the limit, anywhere.
    pub doubled: u64,
    /// Units beyond the stock, where most are.
    pub oversold: u64,
    /// Told coupons without their row.
    pub missing: u64,
    /// Claims to which nobody got a definite answer.
    pub unknown: u64,
    /// Records that did not become a row.
    pub dead_letters: u64,
    /// Those of them that lost to another win.
    pub void: u64,
    /// What became of the coupons that were told.
    pub books: Books,
}

/// What is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    named: Vec<Violation>,
    found: HashMap<Discriminant<Violation>, u64>,
}

impl Findings {
    /// Notes a violation.
    pub fn add(&mut self, violation: Violation) {
        let found = self.found.entry(discriminant(&violation)).or_default();
        *found += 1;
        if *found <= NAMED {
            self.named.push(violation);
        }
    }

    /// Whether nothing is broken.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.found.values().sum()
    }

    /// The first of each kind.
    pub fn named(&self) -> &[Violation] {
        &self.named
    }
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The figures.
    pub counts: Counts,
    /// What is broken.
    pub findings: Findings,
    /// Why nothing was concluded from the order in which things were told; `None`: it was.
    pub order_not_judged: Option<Unnoted>,
}

impl Verdict {
    /// Whether every invariant holds. *Unknown* breaks none: nobody was told anything.
    pub fn passes(&self) -> bool {
        self.findings.is_empty()
    }

    /// Everybody gets a definite answer in the end, whatever breaks meanwhile; and where the event
    /// was made for the rush, it is a win or sold out, unless operators closed it or took coupons
    /// away.
    pub fn demand_answers(&mut self, history: &History) {
        let claims = self.counts.unknown;
        if claims > 0 {
            self.findings.add(Violation::Unanswered { claims });
        }
        let answers = history.refusals.unexplained(&history.operated);
        if answers > 0 && history.header.origin == Origin::Created {
            self.findings.add(Violation::Refused { answers });
        }
    }

    /// Whether a later look may find less.
    pub fn may_settle(&self) -> bool {
        self.findings.named().iter().any(Violation::may_settle)
    }
}

/// The verdict line, then the first offenders.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { told, rows, in_redis, doubled, oversold, missing, unknown, .. } = self.counts;
        let word = if self.passes() { "PASS" } else { "FAIL" };
        write!(
            f,
            "told wins {told} · rows {rows} · in Redis {in_redis} · doubled {doubled} · \
             oversold {oversold} · told but missing {missing} · unknown {unknown}     {word}"
        )?;
        if self.counts.dead_letters > 0 {
            let Counts { dead_letters, void, .. } = self.counts;
            write!(f, "\n  dead letters: {dead_letters}, {void} of them void")?;
        }
        if self.counts.books.tell() {
            write!(f, "\n  {}", self.counts.books)?;
        }
        if let Some(unnoted) = self.order_not_judged {
            write!(f, "\n  order not judged: {}", unnoted.as_str())?;
        }
        for violation in self.findings.named() {
            write!(f, "\n  {violation}")?;
        }
        let further = self.findings.total() - self.findings.named().len() as u64;
        if further > 0 {
            write!(f, "\n  and {further} more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_one_that_people_grep_for() {
        let counts = Counts { told: 1_000, rows: 1_000, in_redis: 1_000, ..Counts::default() };
        let mut verdict = Verdict { counts, findings: Findings::default(), order_not_judged: None };
        assert_eq!(
            verdict.to_string(),
            "told wins 1000 · rows 1000 · in Redis 1000 · doubled 0 · oversold 0 · \
             told but missing 0 · unknown 0     PASS"
        );
        for count in 1..=7 {
            verdict.findings.add(Violation::Unreadable { count });
        }
        verdict.findings.add(Violation::Miscounted { counter: 1, wins: 2 });
        let text = verdict.to_string();
        assert!(text.contains("FAIL\n  unreadable: 1 fields"), "{text}");
        assert!(text.contains("unreadable: 5"), "{text}");
        assert!(!text.contains("unreadable: 6"), "{text}");
        assert!(
            text.ends_with("Redis counts 1 units as held, its wins are 2\n  and 2 more"),
            "{text}"
        );
    }
}
