//! I2, nobody has more than the limit; and an answer never changes once told.

use std::collections::{BTreeMap, HashMap};

use contract::ids::CouponId;

use super::evidence::Evidence;
use super::history::Way;
use super::moments;
use super::snapshot::Holding;
use super::verdict::Findings;
use super::violation::{Place, Violation};

/// How many users have more than the limit, anywhere.
pub(super) fn doubled(evidence: &Evidence<'_>, findings: &mut Findings) -> u64 {
    let mut offenders = moments::above_limit(evidence, findings);
    let mut note = |place, users: BTreeMap<&str, Vec<CouponId>>| {
        for (user, coupons) in users {
            if coupons.len() > evidence.limit() as usize {
                offenders.insert(user.to_owned());
                findings.add(Violation::Doubled {
                    place,
                    user: user.to_owned(),
                    coupons,
                    limit: evidence.limit(),
                });
            }
        }
    };
    note(Place::Rows, by_user(counting(&evidence.mysql.rows)));
    note(Place::Redis, by_user(counting(&evidence.redis.wins)));
    offenders.len() as u64
}

/// Coupons that count against their users' limits.
fn counting(holdings: &[Holding]) -> impl Iterator<Item = (&str, CouponId)> {
    let counting = holdings.iter().filter(|holding| holding.state.keeps_place());
    counting.map(|holding| (holding.user.as_str(), holding.coupon))
}

fn by_user<'a>(
    coupons: impl Iterator<Item = (&'a str, CouponId)>,
) -> BTreeMap<&'a str, Vec<CouponId>> {
    let mut users: BTreeMap<&str, Vec<CouponId>> = BTreeMap::new();
    for (user, coupon) in coupons {
        users.entry(user).or_default().push(coupon);
    }
    users
}

/// The same attempt gets the same coupon, until that is returned.
pub(super) fn answers_changed(evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut answers: HashMap<(&str, &str), CouponId> = HashMap::new();
    for told in &evidence.history.told {
        let Way::Answer(Some(attempt)) = &told.way else {
            continue;
        };
        let first = *answers.entry((&told.user, attempt)).or_insert(told.coupon);
        if first != told.coupon && told.told_us < evidence.counts_until_us(first) {
            findings.add(Violation::AnswerChanged {
                user: told.user.to_string(),
                attempt: attempt.to_string(),
                coupons: [first, told.coupon],
            });
        }
    }
}

/// Once a coupon was returned or withdrawn, nobody is told that it is theirs.
pub(super) fn returned_and_told(evidence: &Evidence<'_>, findings: &mut Findings) {
    for told in &evidence.history.told {
        let returned = evidence.operations().unit_back(told.coupon);
        if returned.is_some_and(|returned| told.last_asked_us > returned.surely_us()) {
            findings.add(Violation::ToldReturned {
                user: told.user.to_string(),
                coupon: told.coupon,
                asked_us: told.last_asked_us,
            });
        }
    }
}
