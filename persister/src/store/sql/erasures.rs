//! Users who are erased.

/// Asked for again, it is asked for from then on.
pub(in crate::store) const ASK_ERASURE: &str = "\
    INSERT INTO erasures (user_id, asked_at, who, way, why) VALUES (?, UTC_TIMESTAMP(3), ?, ?, ?) \
    ON DUPLICATE KEY UPDATE asked_at = UTC_TIMESTAMP(3), looked_at = NULL";
pub(in crate::store) const ERASURE_OF: &str =
    "SELECT erasure_id, user_id, asked_at FROM erasures WHERE user_id = ?";
/// Those that nobody has looked at for a minute.
pub(in crate::store) const DUE_ERASURES: &str = "\
    SELECT erasure_id, user_id, asked_at FROM erasures \
    WHERE user_id IS NOT NULL \
      AND (looked_at IS NULL OR looked_at <= UTC_TIMESTAMP(3) - INTERVAL 60 SECOND) \
    ORDER BY erasure_id LIMIT ?";
pub(in crate::store) const ERASURES: &str = "\
    SELECT erasure_id, asked_at, who, way, why, forgotten_at, coupons, letters, reports \
    FROM erasures ORDER BY erasure_id DESC LIMIT ?";
/// Events that were made before a time and stand so, where a user has rows or letters. Each event is
/// looked up by its key and the user's; rows are never read through.
const EVENTS_OF_USER: &str = "\
    SELECT DISTINCT STRAIGHT_JOIN e.event_id FROM events e \
      JOIN coupons c ON c.event_id = e.event_id AND c.user_id = ? \
    WHERE e.created_at <= ? AND ";
const LETTER_EVENTS_OF_USER: &str = "\
    SELECT DISTINCT STRAIGHT_JOIN e.event_id FROM events e \
      JOIN dead_letters d ON d.event_id = e.event_id \
        AND (d.record_key = CONCAT(e.event_id, '/', ?) OR INSTR(d.record, ?) > 0) \
    WHERE e.created_at <= ? AND ";
/// It left Redis and the directory: nothing but MySQL has it.
pub(in crate::store) const PUT_AWAY: &str =
    "e.phase = 'archived' AND e.version = e.carried_version";
pub(in crate::store) const NOT_PUT_AWAY: &str =
    "(e.phase <> 'archived' OR e.version <> e.carried_version)";

/// Events that stand so where a user has rows.
pub(in crate::store) fn events_of_user(standing: &str) -> String {
    format!("{EVENTS_OF_USER}{standing} LIMIT ?")
}

/// Events that stand so where letters name a user.
pub(in crate::store) fn letter_events_of_user(standing: &str) -> String {
    format!("{LETTER_EVENTS_OF_USER}{standing} LIMIT ?")
}

/// Nobody else takes the event from where it stands meanwhile.
pub(in crate::store) fn lock_put_away() -> String {
    format!("SELECT e.event_id FROM events e WHERE e.event_id = ? AND {PUT_AWAY} FOR UPDATE")
}

pub(in crate::store) const ERASE_COUPONS: &str = "\
    UPDATE coupons SET user_id = ?, attempt = NULL, request_id = NULL \
    WHERE event_id = ? AND user_id = ?";
/// A record that names the user in a way of its own is dropped.
pub(in crate::store) const ERASE_LETTERS: &str = "\
    UPDATE dead_letters SET \
      record = IF(INSTR(record, ?) > 0, REPLACE(record, ?, ?), NULL), \
      record_key = IF(record_key = ?, ?, record_key), request_id = NULL \
    WHERE event_id = ? AND (record_key = ? OR INSTR(record, ?) > 0)";
/// Letters of others may say whose place was taken.
pub(in crate::store) const ERASE_MESSAGES: &str = "\
    UPDATE dead_letters SET message = \
      LEFT(REPLACE(REPLACE(message, CONCAT(?, ','), CONCAT(?, ',')), \
        CONCAT(?, ' '), CONCAT(?, ' ')), 1024) \
    WHERE event_id = ? \
      AND (INSTR(message, CONCAT(?, ',')) > 0 OR INSTR(message, CONCAT(?, ' ')) > 0)";
pub(in crate::store) const ERASE_REPORTS: &str = "\
    UPDATE reconciliations SET report = REPLACE(report, ?, ?) \
    WHERE report IS NOT NULL AND INSTR(report, ?) > 0";
pub(in crate::store) const COUNT_COUPONS_OF_USER: &str =
    "SELECT COUNT(*) FROM coupons WHERE event_id = ? AND user_id = ?";
pub(in crate::store) const NOTE_ERASED: &str = "\
    UPDATE erasures SET looked_at = UTC_TIMESTAMP(3), coupons = coupons + ?, \
      letters = letters + ?, reports = reports + ? \
    WHERE erasure_id = ?";
/// Nothing can bring the user back any more: Kafka has no record of before.
pub(in crate::store) const FORGET_ERASURE: &str = "\
    UPDATE erasures SET user_id = NULL, forgotten_at = UTC_TIMESTAMP(3) \
    WHERE erasure_id = ? AND asked_at <= UTC_TIMESTAMP(3) - INTERVAL ? DAY";
