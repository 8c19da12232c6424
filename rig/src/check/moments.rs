//! What holds at every moment, not only in the end: a coupon surely holds its unit from when it was
//! told until its return was begun.

use std::collections::{BTreeMap, HashSet};

use contract::ids::CouponId;

use super::evidence::Evidence;
use super::history::Told;
use super::verdict::Findings;
use super::violation::{Place, Violation};

/// I2, of what was told: nobody is above the limit at any moment. Returns the offenders.
pub(super) fn above_limit(evidence: &Evidence<'_>, findings: &mut Findings) -> HashSet<String> {
    let limit = evidence.limit() as usize;
    let mut users: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for told in evidence.told() {
        users.entry(&told.user).or_default().push(told);
    }
    let mut offenders = HashSet::new();
    for (user, told) in users {
        if let Some(coupons) = most_at_once(evidence, &told).filter(|most| most.len() > limit) {
            offenders.insert(user.to_owned());
            findings.add(Violation::Doubled {
                place: Place::Told,
                user: user.to_owned(),
                coupons,
                limit: evidence.limit(),
            });
        }
    }
    offenders
}

/// The most coupons that surely counted at one moment. Only a telling makes them more.
fn most_at_once(evidence: &Evidence<'_>, told: &[&Told]) -> Option<Vec<CouponId>> {
    let at = |moment: u64| -> Vec<CouponId> {
        let then = told
            .iter()
            .filter(|one| one.told_us <= moment && moment < evidence.counts_until_us(one.coupon));
        then.map(|one| one.coupon).collect()
    };
    told.iter().map(|one| at(one.told_us)).max_by_key(Vec::len)
}

/// I1, of what was told: the most units beyond the stock at any moment, with what there was then.
pub(super) fn oversold(evidence: &Evidence<'_>) -> Option<(u64, u64)> {
    let mut changes: Vec<(u64, i64)> = Vec::new();
    for told in evidence.told() {
        let until_us = evidence.held_until_us(told.coupon);
        if told.told_us < until_us {
            let units = i64::from(evidence.row(told.coupon).map_or(1, |row| row.quantity));
            changes.push((told.told_us, units));
            changes.push((until_us, -units));
        }
    }
    // Of one moment the returns first: they may have been in time.
    changes.sort_unstable();
    let (mut units, mut worst) = (0_i64, None::<(u64, u64)>);
    for (at_us, change) in changes {
        units += change;
        let (now, stock) = (u64::try_from(units).unwrap_or(0), evidence.stock_at(at_us));
        if now > stock && worst.is_none_or(|(most, had)| now - stock > most - had) {
            worst = Some((now, stock));
        }
    }
    worst
}
