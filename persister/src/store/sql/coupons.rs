//! Coupons: written, changed by operators, and held beside what a shard has.

use super::list;

pub(in crate::store) const COUPON_PARAMS: usize = 13;
const COUPON_ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Adds so many coupons. A row that breaks a unique key changes nothing and is not counted.
pub(in crate::store) fn insert_coupons(rows: usize) -> String {
    format!(
        "INSERT INTO coupons (coupon_id, event_id, user_id, user_nth, sequence, quantity, epoch, \
           attempt, told, state, revision, issued_at, request_id) \
         VALUES {} ON DUPLICATE KEY UPDATE coupon_id = coupon_id",
        list(COUPON_ROW, rows)
    )
}

/// Coupons by so many ids.
pub(in crate::store) fn coupons_by_id(ids: usize) -> String {
    format!(
        "SELECT coupon_id, event_id, user_id, user_nth, sequence, revision FROM coupons \
         WHERE coupon_id IN ({})",
        list("?", ids)
    )
}

pub(in crate::store) const HAS_COUPONS: &str = "SELECT 1 FROM coupons WHERE event_id = ? LIMIT 1";
pub(in crate::store) const COUNT_COUPONS: &str = "\
    SELECT COUNT(*), CAST(COALESCE(SUM(quantity), 0) AS UNSIGNED), COALESCE(MAX(sequence), 0) \
    FROM coupons WHERE event_id = ? AND state NOT IN ('returned', 'withdrawn')";

// The index is forced here and below: far from an event's end the optimizer takes the event alone for
// its key and passes over every row before the page, which made an export of millions quadratic.
pub(in crate::store) const WINNERS_AFTER: &str = "\
    SELECT sequence, user_id, user_nth, coupon_id, quantity, state, issued_at FROM coupons \
    FORCE INDEX (coupons_sequence) WHERE event_id = ? AND sequence > ? ORDER BY sequence LIMIT ?";

// Changes by operators.

pub(in crate::store) const EVENT_OF_COUPON: &str =
    "SELECT event_id FROM coupons WHERE coupon_id = ?";
pub(in crate::store) const LOCK_EVENT_STEP: &str = "\
    SELECT x.step, e.phase FROM events e \
    LEFT JOIN event_epochs x ON x.event_id = e.event_id AND x.epoch = e.epoch \
    WHERE e.event_id = ? FOR UPDATE";
pub(in crate::store) const LOCK_COUPON: &str = "\
    SELECT event_id, user_id, sequence, state, revision FROM coupons \
    WHERE coupon_id = ? FOR UPDATE";
pub(in crate::store) const CHANGE_COUPON: &str =
    "UPDATE coupons SET state = ?, revision = ? WHERE coupon_id = ?";
pub(in crate::store) const NOTE_COUPON_CHANGE: &str = "\
    INSERT INTO coupon_changes (event_id, coupon_id, revision, created_at) \
    VALUES (?, ?, ?, UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE revision = GREATEST(revision, ?)";
pub(in crate::store) const PENDING_CHANGE: &str =
    "SELECT 1 FROM coupon_changes WHERE event_id = ? AND coupon_id = ?";
pub(in crate::store) const COUNT_CHANGES: &str =
    "SELECT COUNT(*) FROM coupon_changes WHERE event_id = ?";
pub(in crate::store) const PENDING_CHANGES: &str = "\
    SELECT c.coupon_id, c.user_id, c.state, c.revision FROM coupon_changes k \
    JOIN coupons c ON c.coupon_id = k.coupon_id \
    WHERE k.event_id = ? ORDER BY k.coupon_id LIMIT ?";
pub(in crate::store) const FORGET_CHANGE: &str = "\
    DELETE FROM coupon_changes WHERE event_id = ? AND coupon_id = ? AND revision <= ?";

// Beside what a shard has.

/// Units held and the highest number given, whoever holds it.
pub(in crate::store) const LEDGER: &str = "\
    SELECT \
      CAST(COALESCE(SUM(IF(state IN ('returned', 'withdrawn'), 0, quantity)), 0) AS UNSIGNED), \
      COALESCE(MAX(sequence), 0) \
    FROM coupons WHERE event_id = ?";
const HELD: &str = "coupon_id, user_id, user_nth, sequence, quantity, attempt, state, revision, \
    issued_at";

/// Coupons of the users after one, in their order.
pub(in crate::store) fn coupons_after() -> String {
    format!(
        "SELECT {HELD} FROM coupons FORCE INDEX (coupons_user) \
         WHERE event_id = ? AND user_id > ? ORDER BY user_id, user_nth LIMIT ?"
    )
}

/// Coupons of so many users.
pub(in crate::store) fn coupons_of(users: usize) -> String {
    format!(
        "SELECT {HELD} FROM coupons WHERE event_id = ? AND user_id IN ({}) \
         ORDER BY user_id, user_nth",
        list("?", users)
    )
}

/// Those of so many numbers that are taken.
pub(in crate::store) fn sequences(count: usize) -> String {
    format!(
        "SELECT sequence FROM coupons WHERE event_id = ? AND sequence IN ({})",
        list("?", count)
    )
}

pub(in crate::store) const RAISE_REVISION: &str = "\
    UPDATE coupons SET state = ?, revision = ? WHERE coupon_id = ? AND revision < ?";

pub(in crate::store) const HIGHEST_SEQUENCE: &str =
    "SELECT COALESCE(MAX(sequence), 0) FROM coupons WHERE event_id = ?";
pub(in crate::store) const SEQUENCES_BETWEEN: &str = "\
    SELECT sequence FROM coupons FORCE INDEX (coupons_sequence) \
    WHERE event_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?";

/// Coupons of so many numbers.
pub(in crate::store) fn coupons_of_sequences(count: usize) -> String {
    format!(
        "SELECT {HELD} FROM coupons WHERE event_id = ? AND sequence IN ({}) ORDER BY sequence",
        list("?", count)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_mark_for_each_column() {
        assert_eq!(COUPON_ROW.matches('?').count(), COUPON_PARAMS);
        let three = insert_coupons(3);
        assert_eq!(three.matches('?').count(), 3 * COUPON_PARAMS);
        assert!(three.contains("?), (?"), "{three}");
        assert!(coupons_by_id(2).ends_with("IN (?, ?)"));
    }
}
