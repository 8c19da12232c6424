//! What every round has to come to, beside the invariants: a round in which nothing happens breaks
//! none of them.

use super::heal::Silence;
use crate::check::{History, Verdict};

/// What is missing, a line each. `silence` is that from the fault on; `None` where it never struck.
pub(super) fn unmet(
    history: &History,
    verdict: &Verdict,
    silence: Option<&Silence>,
) -> Vec<String> {
    let counts = verdict.counts;
    let mut unmet = Vec::new();
    if counts.told == 0 {
        unmet.push("nobody was told a win".to_owned());
    }
    match silence {
        None => unmet.push("the fault never struck".to_owned()),
        Some(Silence { wins: None, rows: None, .. }) if !history.closed() => {
            unmet.push("the fault struck when all was over: nothing new came after it".to_owned());
        }
        Some(_) => {}
    }
    let (stock, sold) = (history.header.stock, counts.rows + history.returned());
    if sold < stock && !history.closed() {
        unmet.push(format!("not healed: {} of {stock} units were never sold", stock - sold));
    }
    unmet
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::history::Fold;
    use crate::check::verdict::{Counts, Findings};

    const NEW: Silence = Silence { wins: Some(Duration::ZERO), rows: None, wait: None };

    fn history(operated: &[&str]) -> History {
        let mut fold = Fold::default();
        let begin = ["H\t1\tspring\tcreated\t3\t1\t1700000000000", "Q\t1\t0\tann\t-"];
        begin.iter().chain(operated).for_each(|line| fold.take(line).unwrap());
        fold.finish().unwrap()
    }

    fn verdict(told: u64, rows: u64) -> Verdict {
        let counts = Counts { told, rows, ..Counts::default() };
        Verdict { counts, findings: Findings::default(), order_not_judged: None }
    }

    #[test]
    fn every_unit_is_sold_unless_it_was_closed_or_came_back() {
        assert!(unmet(&history(&[]), &verdict(3, 3), Some(&NEW)).is_empty());
        let left = unmet(&history(&[]), &verdict(2, 2), Some(&NEW));
        assert_eq!(left, ["not healed: 1 of 3 units were never sold"]);
        let closed = history(&["O\t10\t20\tclose\t-"]);
        assert!(unmet(&closed, &verdict(2, 2), Some(&NEW)).is_empty());
        let returned = history(&["O\t10\t20\treturn\t0193a1b2-c3d4-7e8f-8a9b-0c1d2e3f4a5b"]);
        assert!(unmet(&returned, &verdict(3, 2), Some(&NEW)).is_empty());
    }

    #[test]
    fn somebody_is_told_and_something_comes_after_the_fault() {
        assert_eq!(unmet(&history(&[]), &verdict(0, 3), Some(&NEW)), ["nobody was told a win"]);
        assert_eq!(unmet(&history(&[]), &verdict(3, 3), None), ["the fault never struck"]);
        let over = unmet(&history(&[]), &verdict(3, 3), Some(&Silence::default()));
        assert!(over[0].contains("all was over"), "{over:?}");
        let closed = history(&["O\t10\t20\tclose\t-"]);
        assert!(unmet(&closed, &verdict(3, 3), Some(&Silence::default())).is_empty());
    }
}
