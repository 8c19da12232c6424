//! What a script's reply means: for each claim, and for Kafka. Pure.

use contract::claim_script::{Answer, Header, Refusal};
use contract::coupon::{CouponState, Win};
use contract::outbox::entry_id;

use super::{Claim, Told, Untold};
use crate::publish::ShownWin;

/// What is to be told to one claim's user, once it may be.
pub(super) type Outcome = Result<Told, Untold>;

/// What one answer of the script means for the claim that it is given to.
pub(super) fn outcome(claim: &Claim, answer: Answer, header: &Header, opens_at_ms: u64) -> Outcome {
    Ok(match answer {
        Answer::Granted { sequence, nth } => Told::Issued(Win {
            coupon: claim.coupon,
            sequence,
            attempt: claim.attempt,
            issued_at_ms: header.ms,
            quantity: Claim::QUANTITY,
            nth,
            state: CouponState::Issued,
            revision: 1,
        }),
        Answer::Again(win) => Told::AlreadyIssued(win),
        Answer::LimitReached(wins) => Told::LimitReached(wins),
        Answer::Revoked => Told::Revoked,
        Answer::Refused(Refusal::SoldOut) => Told::SoldOut,
        Answer::Refused(Refusal::NotOpen) => Told::NotOpen { opens_at_ms, now_ms: header.ms },
        Answer::Refused(Refusal::Paused) => Told::Paused,
        Answer::Refused(Refusal::Closed) => Told::Closed,
        Answer::Refused(Refusal::Reopening) => return Err(Untold::Reopening),
        Answer::Refused(Refusal::Fenced) => return Err(Untold::Fenced),
    })
}

/// Wins that a batch shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Granted by this call: nobody else publishes them.
    pub(super) granted: Vec<ShownWin>,
    /// Granted before.
    pub(super) repeated: Vec<ShownWin>,
}

impl Shown {
    /// The wins among so many outcomes.
    pub(super) fn among<'a>(outcomes: impl Iterator<Item = (&'a Claim, &'a Outcome)>) -> Self {
        let mut shown = Self::default();
        for (claim, outcome) in outcomes {
            let user = || claim.user.clone();
            let request_id = || claim.request_id.clone();
            let trace = claim.trace;
            let show =
                |win: &Win| ShownWin { user: user(), win: *win, request_id: request_id(), trace };
            match outcome {
                Ok(Told::Issued(win)) => shown.granted.push(show(win)),
                Ok(Told::AlreadyIssued(win)) => shown.repeated.push(show(win)),
                Ok(Told::LimitReached(wins)) => shown.repeated.extend(wins.iter().map(show)),
                _ => {}
            }
        }
        shown
    }

    /// The outbox entry that the call wrote: named by the first sequence number it gave.
    pub(super) fn entry(&self, epoch: u64) -> Option<String> {
        let first = self.granted.iter().map(|shown| shown.win.sequence).min()?;
        Some(entry_id(epoch, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::ids::Attempt;

    const HEADER: Header = Header { epoch: 3, version: 1, sequence: 9, left: 0, ms: 77 };

    fn claim(user: &str) -> Claim {
        Claim::new(user.parse().unwrap(), Attempt::from_key(b"k"), None)
    }

    fn won(sequence: u64) -> Win {
        let granted = Answer::Granted { sequence, nth: 1 };
        match outcome(&claim("ann"), granted, &HEADER, 0) {
            Ok(Told::Issued(win)) => win,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_grant_is_the_coupon_that_was_offered() {
        let claim = claim("ann");
        let granted = Answer::Granted { sequence: 9, nth: 2 };
        let expected = Win {
            coupon: claim.coupon,
            sequence: 9,
            attempt: claim.attempt,
            issued_at_ms: 77,
            quantity: 1,
            nth: 2,
            state: CouponState::Issued,
            revision: 1,
        };
        assert_eq!(outcome(&claim, granted, &HEADER, 0), Ok(Told::Issued(expected)));
    }

    #[test]
    fn every_refusal_has_its_meaning() {
        let of = |refusal| outcome(&claim("ann"), Answer::Refused(refusal), &HEADER, 99);
        assert_eq!(of(Refusal::SoldOut), Ok(Told::SoldOut));
        assert_eq!(of(Refusal::NotOpen), Ok(Told::NotOpen { opens_at_ms: 99, now_ms: 77 }));
        assert_eq!(of(Refusal::Paused), Ok(Told::Paused));
        assert_eq!(of(Refusal::Closed), Ok(Told::Closed));
        assert_eq!(of(Refusal::Reopening), Err(Untold::Reopening));
        assert_eq!(of(Refusal::Fenced), Err(Untold::Fenced));
    }

    #[test]
    fn every_win_that_is_shown_is_found_with_its_entry() {
        let claims = [claim("ann"), claim("bob"), claim("cy"), claim("dan")];
        let outcomes = [
            Ok(Told::AlreadyIssued(won(4))),
            Ok(Told::Issued(won(8))),
            Ok(Told::LimitReached(vec![won(1), won(2)])),
            Ok(Told::Issued(won(9))),
        ];
        let shown = Shown::among(claims.iter().zip(&outcomes));
        let numbers = |wins: &[ShownWin]| -> Vec<_> {
            wins.iter().map(|shown| (shown.user.to_string(), shown.win.sequence)).collect()
        };
        assert_eq!(numbers(&shown.granted), [("bob".into(), 8), ("dan".into(), 9)]);
        let repeated = [("ann".into(), 4), ("cy".into(), 1), ("cy".into(), 2)];
        assert_eq!(numbers(&shown.repeated), repeated);
        assert_eq!(shown.entry(3).as_deref(), Some("3-8"));
    }

    #[test]
    fn losses_show_nothing_and_write_no_entry() {
        let claims = [claim("ann"), claim("bob")];
        let outcomes = [Ok(Told::SoldOut), Err(Untold::Fenced)];
        let shown = Shown::among(claims.iter().zip(&outcomes));
        assert_eq!(shown, Shown::default());
        assert_eq!(shown.entry(3), None);
    }
}
