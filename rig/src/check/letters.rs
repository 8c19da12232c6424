//! Dead letters: a win that was told is a row, whatever its record met.

use contract::record::Told;

use super::evidence::Evidence;
use super::snapshot::{Letter, LetterState, Reason};
use super::verdict::Findings;
use super::violation::Violation;

/// A void win lost to another one. Nobody may have been told of it: no client was, and a replica
/// had not held it. Returns how many there are.
pub(super) fn void(evidence: &Evidence<'_>, findings: &mut Findings) -> u64 {
    let void: Vec<&Letter> =
        evidence.mysql.letters.iter().filter(|letter| letter.reason == Reason::Void).collect();
    for letter in &void {
        let Some(coupon) = letter.coupon else {
            continue;
        };
        // A void record may come beside the row of the same coupon: a replay of another place.
        if evidence.row(coupon).is_some() {
            continue;
        }
        // An operator has seen it, and answers for it.
        if letter.state == LetterState::GivenUp {
            continue;
        }
        let to = evidence.told_to(coupon);
        if to.is_some() || letter.told == Some(Told::Replica) {
            findings.add(Violation::VoidTold { coupon, user: to.map(str::to_owned) });
        }
    }
    void.len() as u64
}
