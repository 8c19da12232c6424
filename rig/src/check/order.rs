//! What the times in the history prove: a request that was sent after an answer had arrived must
//! see what that answer said.

use std::collections::HashMap;

use contract::ids::CouponId;

use super::evidence::Evidence;
use super::history::Told;
use super::operations::decided;
use super::verdict::Findings;
use super::violation::{Place, Violation};
use crate::rush::line::Origin;

/// I6: a winner is never told a loss, as long as the coupon is held.
pub(super) fn winners_told_losses(evidence: &Evidence<'_>, findings: &mut Findings) {
    for told in evidence.answered() {
        let until_us = evidence.held_until_us(told.coupon);
        let after =
            told.loss.filter(|loss| loss.asked_us > told.told_us && loss.told_us < until_us);
        if let Some(loss) = after {
            findings.add(Violation::WinnerToldLoss {
                user: told.user.to_string(),
                coupon: told.coupon,
                told_us: told.told_us,
                asked_us: loss.asked_us,
            });
        }
    }
}

/// I6: a claim that was told sold out wins afterwards only what came back; and it had not won
/// before, or it would have been told so.
pub(super) fn losers_hold(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.units_moved_unnoted().is_some() {
        return;
    }
    let holds = |coupon| evidence.held_until_us(coupon) == u64::MAX;
    for told in evidence.answered().filter(|told| holds(told.coupon)) {
        let sold_out = told.sold_out_asked_us;
        if sold_out.is_some_and(|asked_us| !came_back(evidence, asked_us, told.told_us)) {
            findings.add(loser(Place::Told, &told.user, told.coupon));
        }
    }
    // Above a limit of 1 a user's other claims may have won.
    if evidence.limit() > 1 {
        return;
    }
    let stores = [(Place::Rows, &evidence.mysql.rows), (Place::Redis, &evidence.redis.wins)];
    for (place, holdings) in stores {
        for holding in holdings.iter().filter(|holding| holds(holding.coupon)) {
            let sold_out = evidence.history.told_sold_out(holding.user.as_str());
            if sold_out.is_some_and(|asked_us| !came_back(evidence, asked_us, u64::MAX)) {
                findings.add(loser(place, holding.user.as_str(), holding.coupon));
            }
        }
    }
}

/// Whether a unit may have come back after sold out was told to a request, and by some moment.
fn came_back(evidence: &Evidence<'_>, sold_out_asked_us: u64, by_us: u64) -> bool {
    let last = evidence.operations().last_before(by_us);
    last.is_some_and(|to_us| to_us >= decided(sold_out_asked_us))
}

fn loser(place: Place, user: &str, coupon: CouponId) -> Violation {
    Violation::LoserHolds { place, user: user.to_owned(), coupon }
}

/// I6: who began to ask after sold out had been told wins only what came back in between. Only for
/// an event that was made for the history is a user's first request known.
pub(super) fn won_after_sold_out(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.history.header.origin != Origin::Created || evidence.units_moved_unnoted().is_some()
    {
        return;
    }
    let frontier = evidence.history.sold_outs.frontier();
    for told in evidence.answered() {
        let before = frontier.partition_point(|sold_out| sold_out.told_us < told.asked_us);
        let Some(sold_out) = before.checked_sub(1).map(|last| frontier[last]) else {
            continue;
        };
        if !came_back(evidence, sold_out.asked_us, told.told_us) {
            findings.add(Violation::WonAfterSoldOut {
                user: told.user.to_string(),
                coupon: told.coupon,
                asked_us: told.asked_us,
                sold_out_us: sold_out.told_us,
            });
        }
    }
}

/// I6: and no more than came back.
pub(super) fn too_many_after_sold_out(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.history.header.origin != Origin::Created || evidence.units_moved_unnoted().is_some()
    {
        return;
    }
    let mut asked: Vec<u64> = evidence.answered().map(|told| told.asked_us).collect();
    asked.sort_unstable();
    let too_many = evidence.history.sold_outs.telling().find_map(|sold_out| {
        let after = asked.partition_point(|&asked_us| asked_us <= sold_out.told_us);
        let units = (asked.len() - after) as u64;
        // Where nothing came back, each of them is a violation of its own.
        let added = evidence.operations().units_after(sold_out.asked_us)?;
        (added > 0 && units > added).then_some(Violation::TooManyAfterSoldOut {
            units,
            added,
            sold_out_us: sold_out.told_us,
        })
    });
    too_many.into_iter().for_each(|violation| findings.add(violation));
}

/// Nobody is granted anything while an event is paused or closed.
pub(super) fn won_while_stopped(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.history.header.origin != Origin::Created {
        return;
    }
    let stopped = evidence.operations().stopped();
    for told in evidence.answered() {
        let within = stopped
            .iter()
            .find(|(from_us, until_us)| told.asked_us > *from_us && told.told_us < *until_us);
        if let Some(&(stopped_us, _)) = within {
            findings.add(Violation::WonWhileStopped {
                user: told.user.to_string(),
                coupon: told.coupon,
                asked_us: told.asked_us,
                stopped_us,
            });
        }
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
