//! Dead letters, and the desk where operators look at them.

use super::list;

/// Letters of an event that wait, of one reason, from a place on. One that was given up keeps what it
/// held: somebody was told of it.
pub(in crate::store) const WAITING_LETTERS: &str = "\
    SELECT part, kafka_offset, record FROM dead_letters \
    WHERE topic = ? AND event_id = ? AND reason = ? \
      AND (resolved_at IS NULL OR resolution = 'given_up') \
      AND (part > ? OR (part = ? AND kafka_offset > ?)) \
    ORDER BY part, kafka_offset LIMIT ?";
pub(in crate::store) const COUNT_WAITING_LETTERS: &str = "\
    SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND reason = ? AND resolved_at IS NULL";
pub(in crate::store) const RESOLVE_LETTER: &str = "\
    UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3), resolution = 'united' \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL";
pub(in crate::store) const CHANGE_LETTER: &str = "\
    UPDATE dead_letters SET reason = ?, message = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ?";

/// Those of so many coupons that MySQL refused for good, whether their letters wait or were given up.
pub(in crate::store) fn refused_coupons(ids: usize) -> String {
    format!(
        "SELECT coupon_id FROM dead_letters \
         WHERE event_id = ? AND reason = 'rejected' \
           AND (resolved_at IS NULL OR resolution = 'given_up') AND coupon_id IN ({})",
        list("?", ids)
    )
}

pub(in crate::store) const ADD_DEAD_LETTER: &str = "\
    INSERT INTO dead_letters (topic, part, kafka_offset, event_id, coupon_id, reason, message, \
      record, record_key, record_at, request_id, created_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3)) \
    ON DUPLICATE KEY UPDATE part = part";
pub(in crate::store) const COUNT_DEAD_LETTERS: &str =
    "SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND resolved_at IS NULL";
pub(in crate::store) const COUNT_LETTERS_BY_REASON: &str = "\
    SELECT reason, COUNT(*) FROM dead_letters WHERE topic = ? AND resolved_at IS NULL \
    GROUP BY reason";

/// Wins that MySQL refused for good; each holds its unit, whether its letter waits or was given up.
pub(in crate::store) const COUNT_REFUSED: &str = "\
    SELECT COUNT(DISTINCT coupon_id) FROM dead_letters \
    WHERE event_id = ? AND reason = 'rejected' \
      AND (resolved_at IS NULL OR resolution = 'given_up')";
pub(in crate::store) const COUNT_GIVEN_UP: &str =
    "SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND resolution = 'given_up'";

/// Coupons whose letters wait to become rows, those that were given up, and all of them: a record that
/// Kafka has twice has two letters.
pub(in crate::store) const COUPONS_IN_LETTERS: &str = "\
    SELECT COUNT(DISTINCT IF(resolved_at IS NULL AND reason IN ('rejected', 'late'), coupon_id, NULL)), \
      COUNT(DISTINCT IF(resolution = 'given_up' AND reason = 'rejected', coupon_id, NULL)), \
      COUNT(DISTINCT IF(resolved_at IS NULL AND reason IN ('rejected', 'late') \
        OR resolution = 'given_up' AND reason = 'rejected', coupon_id, NULL)) \
    FROM dead_letters WHERE event_id = ?";

/// Those of so many coupons that have a dead letter which explains why they have no row.
pub(in crate::store) fn explained(ids: usize) -> String {
    format!(
        "SELECT coupon_id, \
           CAST(MAX(resolved_at IS NULL AND reason IN ('rejected', 'late')) AS SIGNED) AS waits \
         FROM dead_letters \
         WHERE event_id = ? AND coupon_id IN ({}) \
           AND (resolution = 'given_up' \
             OR (resolved_at IS NULL AND reason IN ('rejected', 'late'))) \
         GROUP BY coupon_id",
        list("?", ids)
    )
}

// The desk.

const LETTER: &str = "part, kafka_offset, event_id, coupon_id, reason, message, record_at, request_id, created_at, last_failed_at, attempts, replayed_at, resolved_at, resolution, \
    given_up_by, given_up_why, \
    replayed_at IS NOT NULL AND (replayed_at > UTC_TIMESTAMP(3) - INTERVAL 60 SECOND \
      OR COALESCE(replayed_offset >= (SELECT p.next_offset FROM partitions p \
        WHERE p.topic = dead_letters.topic AND p.part = dead_letters.replayed_part), FALSE)) \
      AS on_its_way";

/// Letters of a topic that fit all of those conditions, as they came, without their records: a page
/// of them may be 64 MB.
pub(in crate::store) fn letters(conditions: &[&str]) -> String {
    let all: String = conditions.iter().map(|condition| format!(" AND {condition}")).collect();
    format!(
        "SELECT {LETTER}, NULL AS record, NULL AS record_key FROM dead_letters \
         WHERE topic = ?{all} \
         ORDER BY created_at, part, kafka_offset LIMIT ?"
    )
}

pub(in crate::store) const LETTERS_OF_EVENT: &str = "event_id = ?";
pub(in crate::store) const LETTERS_OF_REASON: &str = "reason = ?";
pub(in crate::store) const LETTERS_SINCE: &str = "created_at >= ?";
pub(in crate::store) const LETTERS_BEFORE: &str = "created_at < ?";
pub(in crate::store) const LETTERS_WAITING: &str = "resolved_at IS NULL";
pub(in crate::store) const LETTERS_RESOLVED: &str =
    "resolved_at IS NOT NULL AND COALESCE(resolution, 'united') = ?";
/// Behind a letter, in the order of [`letters`].
pub(in crate::store) const LETTERS_AFTER: &str = "\
    created_at >= ? AND (created_at > ? OR part > ? OR (part = ? AND kafka_offset > ?))";

const OF_LETTER: &str = "FROM dead_letters WHERE topic = ? AND part = ? AND kafka_offset = ?";

/// One letter, with its record.
pub(in crate::store) fn letter() -> String {
    format!("SELECT {LETTER}, record, record_key {OF_LETTER}")
}

/// How one letter stands, without its record.
pub(in crate::store) fn standing_letter() -> String {
    format!("SELECT {LETTER}, NULL AS record, NULL AS record_key {OF_LETTER}")
}

/// A letter is about to be brought again, as long as it stands as it was looked at.
pub(in crate::store) const NOTE_REPLAY: &str = "\
    UPDATE dead_letters SET replayed_at = UTC_TIMESTAMP(3), replayed_part = ?, replayed_offset = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND attempts = ? AND replayed_at <=> ?";
/// Where its record stands now, if nobody has read it yet.
pub(in crate::store) const PLACE_REPLAY: &str = "\
    UPDATE dead_letters SET replayed_offset = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND attempts = ? AND replayed_at IS NOT NULL";
/// Kafka has not taken it.
pub(in crate::store) const TAKE_REPLAY_BACK: &str = "\
    UPDATE dead_letters SET replayed_at = NULL \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND attempts = ? AND replayed_at IS NOT NULL";
/// It is a row, whatever was decided about it meanwhile.
pub(in crate::store) const REPLAY_LANDED: &str = "\
    UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3), resolution = 'replayed', \
      replayed_at = NULL \
    WHERE topic = ? AND part = ? AND kafka_offset = ? \
      AND (resolved_at IS NULL OR resolution = 'given_up')";
/// It failed again and waits again, unless it was given up. A refused win stays one: its shard holds
/// it, whatever epoch its record met.
pub(in crate::store) const REPLAY_FAILED: &str = "\
    UPDATE dead_letters SET attempts = attempts + 1, last_failed_at = UTC_TIMESTAMP(3), \
      replayed_at = NULL, resolved_at = NULL, resolution = NULL, message = ?, \
      event_id = COALESCE(?, event_id), coupon_id = COALESCE(?, coupon_id), \
      reason = IF(reason = 'rejected' AND ? IN ('late', 'void'), reason, ?) \
    WHERE topic = ? AND part = ? AND kafka_offset = ? \
      AND COALESCE(resolution, '') <> 'given_up'";
/// An operator gives it up, as long as it stands as it was looked at.
pub(in crate::store) const GIVE_UP: &str = "\
    UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3), resolution = 'given_up', \
      replayed_at = NULL, given_up_by = ?, given_up_why = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND reason <> 'late' AND attempts = ? AND replayed_at <=> ?";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_letters_reads_no_records() {
        let page = letters(&[LETTERS_WAITING]);
        assert!(page.contains("NULL AS record, NULL AS record_key FROM"), "{page}");
        assert!(!page.contains(" record, record_key"), "{page}");
        assert!(letter().contains(" record, record_key"), "{}", letter());
    }
}
