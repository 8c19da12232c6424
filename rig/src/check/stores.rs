//! I3, every win that was told is a row; and Redis and MySQL have the same coupons.

use std::collections::HashMap;

use contract::ids::CouponId;
use contract::pseudonym::is_pseudonym;

use super::evidence::Evidence;
use super::history::Told;
use super::snapshot::Holding;
use super::verdict::Findings;
use super::violation::{Place, Violation};

/// How many told coupons have no row that fits. One that an operator gave up is accounted for.
pub(super) fn missing(evidence: &Evidence<'_>, findings: &mut Findings) -> u64 {
    let mut missing = 0;
    for told in evidence.told().filter(|told| !evidence.is_given_up(told.coupon)) {
        let row = found(Place::Rows, told, evidence.row(told.coupon));
        missing += u64::from(row.is_some());
        let win = found(Place::Redis, told, evidence.win(told.coupon));
        row.into_iter().chain(win).for_each(|violation| findings.add(violation));
    }
    missing
}

fn found(place: Place, told: &Told, there: Option<&Holding>) -> Option<Violation> {
    let Some(there) = there else {
        return Some(Violation::Missing {
            place,
            user: told.user.to_string(),
            coupon: told.coupon,
            sequence: told.sequence,
        });
    };
    let as_told = (told.user.to_string(), told.sequence);
    let found = who(there);
    // An erased user's coupon is the same coupon.
    let erased = told.sequence == there.sequence && is_pseudonym(&there.user);
    (as_told != found && !erased).then_some(Violation::Differs {
        place,
        coupon: told.coupon,
        told: as_told,
        found,
    })
}

/// What one of the stores has and the other lacks or has otherwise.
pub(super) fn disagree(evidence: &Evidence<'_>, findings: &mut Findings) {
    for row in &evidence.mysql.rows {
        match evidence.win(row.coupon) {
            None => only_in(Place::Rows, row, findings),
            Some(win) if who(win) != who(row) || win.state != row.state => {
                findings.add(Violation::Disagree {
                    coupon: row.coupon,
                    row: who(row),
                    win: who(win),
                });
            }
            Some(_) => {}
        }
    }
    let wins = evidence.redis.wins.iter();
    wins.filter(|win| evidence.row(win.coupon).is_none() && !evidence.is_given_up(win.coupon))
        .for_each(|win| only_in(Place::Redis, win, findings));
}

fn only_in(place: Place, holding: &Holding, findings: &mut Findings) {
    findings.add(Violation::OnlyIn {
        place,
        user: holding.user.to_string(),
        coupon: holding.coupon,
    });
}

fn who(holding: &Holding) -> (String, u64) {
    (holding.user.to_string(), holding.sequence)
}

/// One coupon is one user's and has one number.
pub(super) fn coupons_twice(evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut first: HashMap<CouponId, &Told> = HashMap::new();
    for told in &evidence.history.told {
        let one = *first.entry(told.coupon).or_insert(told);
        if (&one.user, one.sequence) != (&told.user, told.sequence) {
            findings.add(Violation::CouponTwice {
                coupon: told.coupon,
                told: [one, told].map(|told| (told.user.to_string(), told.sequence)),
            });
        }
    }
}
