//! I2, nobody has more than the limit; and an answer never changes once told.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::ids::CouponId;

use super::evidence::Evidence;
use super::history::Way;
use super::snapshot::Holding;
use super::verdict::Findings;
use super::violation::{Place, Violation};

/// How many users have more than the limit, anywhere.
pub(super) fn doubled(evidence: &Evidence<'_>, findings: &mut Findings) -> u64 {
    let told = evidence.told().filter(|told| evidence.is_held(told.coupon));
    let told = told.map(|told| (&*told.user, told.coupon));
    let mut offenders = HashSet::new();
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
    note(Place::Told, by_user(told));
    note(Place::Rows, by_user(held(&evidence.mysql.rows)));
    note(Place::Redis, by_user(held(&evidence.redis.wins)));
    offenders.len() as u64
}

fn held(holdings: &[Holding]) -> impl Iterator<Item = (&str, CouponId)> {
    let held = holdings.iter().filter(|holding| holding.is_held());
    held.map(|holding| (holding.user.as_str(), holding.coupon))
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
        if first != told.coupon && evidence.is_held(first) {
            findings.add(Violation::AnswerChanged {
                user: told.user.to_string(),
                attempt: attempt.to_string(),
                coupons: [first, told.coupon],
            });
        }
    }
}
