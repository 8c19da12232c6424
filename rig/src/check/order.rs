//! What the times in the history prove: a request that was sent after an answer had arrived must
//! see what that answer said.

use std::collections::HashMap;

use contract::ids::CouponId;

use super::evidence::Evidence;
use super::history::Told;
use super::verdict::Findings;
use super::violation::{Place, Violation};
use crate::rush::line::Origin;

/// I6: a winner is never told a loss.
pub(super) fn winners_told_losses(evidence: &Evidence<'_>, findings: &mut Findings) {
    for told in evidence.answered().filter(|told| evidence.is_held(told.coupon)) {
        let after = told.loss_asked_us.filter(|&asked_us| asked_us > told.told_us);
        if let Some(asked_us) = after {
            findings.add(Violation::WinnerToldLoss {
                user: told.user.to_string(),
                coupon: told.coupon,
                told_us: told.told_us,
                asked_us,
            });
        }
    }
}

/// I6: while no unit comes back, sold out once is sold out for ever, so a claim that was told sold
/// out has won neither before (it would have been told so) nor after.
pub(super) fn losers_hold(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.units_came_back() {
        return;
    }
    for told in evidence.answered().filter(|told| told.sold_out) {
        findings.add(loser(Place::Told, &told.user, told.coupon));
    }
    // Above a limit of 1 a user's other claims may have won.
    if evidence.limit() > 1 {
        return;
    }
    let stores = [(Place::Rows, &evidence.mysql.rows), (Place::Redis, &evidence.redis.wins)];
    for (place, holdings) in stores {
        for holding in holdings {
            if evidence.history.was_told_sold_out(holding.user.as_str()) {
                findings.add(loser(place, holding.user.as_str(), holding.coupon));
            }
        }
    }
}

fn loser(place: Place, user: &str, coupon: CouponId) -> Violation {
    Violation::LoserHolds { place, user: user.to_owned(), coupon }
}

/// I6: who began to ask after sold out had been told wins nothing while no unit comes back. Only
/// for an event that was made for the history is a user's first request known.
pub(super) fn won_after_sold_out(evidence: &Evidence<'_>, findings: &mut Findings) {
    let history = evidence.history;
    let Some(sold_out_us) = history.first_sold_out_us else {
        return;
    };
    if history.header.origin != Origin::Created || evidence.units_came_back() {
        return;
    }
    for told in evidence.answered().filter(|told| told.asked_us > sold_out_us) {
        findings.add(Violation::WonAfterSoldOut {
            user: told.user.to_string(),
            coupon: told.coupon,
            asked_us: told.asked_us,
            sold_out_us,
        });
    }
}

/// Numbers only grow: one that had been told before a claim was first asked is lower than the
/// claim's own.
pub(super) fn sequence_went_back(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.history.header.origin != Origin::Created {
        return;
    }
    let mut wins: Vec<&Told> = evidence.answered().collect();
    wins.sort_by_key(|told| std::cmp::Reverse(told.sequence));
    // Of all higher numbers, the one that was told first.
    let mut earliest: Option<&Told> = None;
    for told in wins {
        if let Some(earlier) = earliest
            && told.asked_us > earlier.told_us
            && told.sequence < earlier.sequence
        {
            findings.add(Violation::SequenceWentBack {
                later: (told.user.to_string(), told.sequence),
                earlier: (earlier.user.to_string(), earlier.sequence),
            });
        }
        if earliest.is_none_or(|earlier| told.told_us < earlier.told_us) {
            earliest = Some(told);
        }
    }
}

/// I7: a number is one coupon's, wherever one looks.
pub(super) fn sequences_twice(evidence: &Evidence<'_>, findings: &mut Findings) {
    let told = evidence.history.told.iter();
    let told = told.map(|told| (told.sequence, told.coupon));
    let of = |holding: &super::snapshot::Holding| (holding.sequence, holding.coupon);
    twice(Place::Told, told, findings);
    twice(Place::Rows, evidence.mysql.rows.iter().map(of), findings);
    twice(Place::Redis, evidence.redis.wins.iter().map(of), findings);
}

fn twice(place: Place, numbers: impl Iterator<Item = (u64, CouponId)>, findings: &mut Findings) {
    let mut first: HashMap<u64, CouponId> = HashMap::new();
    for (sequence, coupon) in numbers {
        let one = *first.entry(sequence).or_insert(coupon);
        if one != coupon {
            findings.add(Violation::SequenceTwice { place, sequence, coupons: [one, coupon] });
        }
    }
}
