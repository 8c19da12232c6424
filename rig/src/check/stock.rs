//! I1, never oversold; and its other side: nobody is told sold out while units are left.

use super::evidence::Evidence;
use super::moments;
use super::snapshot::units_held;
use super::verdict::Findings;
use super::violation::{Place, Violation};

/// Units beyond the stock, where most are.
pub(super) fn oversold(evidence: &Evidence<'_>, findings: &mut Findings) -> u64 {
    let stock = evidence.stock();
    let mut most = 0;
    if let Some((units, stock)) = moments::oversold(evidence) {
        most = units - stock;
        findings.add(Violation::Oversold { place: Place::Told, units, stock });
    }
    let places = [
        (Place::Rows, units_held(&evidence.mysql.rows)),
        (Place::Redis, units_held(&evidence.redis.wins)),
    ];
    for (place, units) in places {
        if units > stock {
            most = most.max(units - stock);
            findings.add(Violation::Oversold { place, units, stock });
        }
    }
    most
}

/// Held units only grow while none comes back: what is left in the end was left when sold out was
/// told last.
pub(super) fn sold_out_too_early(evidence: &Evidence<'_>, findings: &mut Findings) {
    let Some(asked_us) = evidence.history.sold_outs.last_asked_us() else {
        return;
    };
    if evidence.units_moved_unnoted().is_some()
        || evidence.operations().units_after(asked_us) != Some(0)
    {
        return;
    }
    let (held, stock) = (units_held(&evidence.redis.wins), evidence.mysql.stock);
    if held < stock {
        findings.add(Violation::SoldOutWithUnitsLeft { held, stock });
    }
}

/// What Kafka has not acknowledged can still be lost with Redis.
pub(super) fn not_settled(evidence: &Evidence<'_>, findings: &mut Findings) {
    let entries = evidence.redis.outbox;
    if entries > 0 {
        findings.add(Violation::NotSettled { entries });
    }
}

/// The script decides by its counter, its stock and its last number, so these must be what the wins
/// add up to, what operators want, and no lower than any number given.
pub(super) fn miscounted(evidence: &Evidence<'_>, findings: &mut Findings) {
    let redis = evidence.redis;
    let wins = units_held(&redis.wins);
    if redis.held != wins {
        findings.add(Violation::Miscounted { counter: redis.held, wins });
    }
    if redis.stock != evidence.mysql.stock {
        let mysql = evidence.mysql.stock;
        findings.add(Violation::StockDiffers { redis: redis.stock, mysql });
    }
    let holdings = redis.wins.iter().chain(&evidence.mysql.rows);
    let highest = holdings.map(|holding| holding.sequence).max().unwrap_or(0);
    if redis.sequence < highest {
        findings.add(Violation::SequenceBehind { sequence: redis.sequence, highest });
    }
    if redis.unreadable > 0 {
        findings.add(Violation::Unreadable { count: redis.unreadable });
    }
}
