//! Users who are erased.

/// Asked for again, it is asked for from then on. Whoever asks looks at once, so the leader waits.
pub(in crate::store) const ASK_ERASURE: &str = "\
    INSERT INTO erasures (user_id, asked_at, next_look_at, who, way, why) \
    VALUES (?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL ? SECOND, ?, ?, ?) \
    ON DUPLICATE KEY UPDATE asked_at = UTC_TIMESTAMP(3), looked_at = NULL, \
      next_look_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND";
pub(in crate::store) const ERASURE_OF: &str =
    "SELECT erasure_id, user_id, asked_at FROM erasures WHERE user_id = ?";
/// Those whose turn it is, and whether only a look at everything will do: something was put away
/// since the last one, or it is long ago.
pub(in crate::store) const DUE_ERASURES: &str = "\
    SELECT erasure_id, user_id, asked_at, \
      looked_at IS NULL OR put_away <> ? \
        OR looked_at <= UTC_TIMESTAMP(3) - INTERVAL ? SECOND AS everything \
    FROM erasures \
    WHERE user_id IS NOT NULL AND (next_look_at IS NULL OR next_look_at <= UTC_TIMESTAMP(3)) \
    ORDER BY next_look_at, erasure_id LIMIT ?";
pub(in crate::store) const PUT_OFF_ERASURE: &str = "\
    UPDATE erasures SET next_look_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND WHERE erasure_id = ?";
pub(in crate::store) const ERASURES: &str = "\
    SELECT erasure_id, asked_at, who, way, why, forgotten_at, coupons, letters, reports \
    FROM erasures ORDER BY erasure_id DESC LIMIT ?";
pub(in crate::store) const COUNT_ERASED: &str = "\
    UPDATE erasures SET coupons = coupons + ?, letters = letters + ?, reports = reports + ? \
    WHERE erasure_id = ?";
/// Unless it was asked for once more meanwhile.
pub(in crate::store) const NOTE_LOOKED: &str = "\
    UPDATE erasures SET looked_at = UTC_TIMESTAMP(3), put_away = ? \
    WHERE erasure_id = ? AND asked_at = ?";
/// Nothing can bring the user back any more: Kafka has no record of before.
pub(in crate::store) const FORGET_ERASURE: &str = "\
    UPDATE erasures SET user_id = NULL, forgotten_at = UTC_TIMESTAMP(3) \
    WHERE erasure_id = ? AND asked_at <= UTC_TIMESTAMP(3) - INTERVAL ? DAY";

/// It left Redis and the directory: nothing but MySQL has it.
pub(in crate::store) const PUT_AWAY: &str =
    "e.phase = 'archived' AND e.version = e.carried_version";

pub(in crate::store) fn count_put_away() -> String {
    format!("SELECT COUNT(*) FROM events e WHERE {PUT_AWAY}")
}

/// Events behind another that were made before a time, where a user has rows. Each event is looked
/// up by its key and the user's; rows are never read through.
pub(in crate::store) fn events_with_rows() -> String {
    format!(
        "SELECT DISTINCT STRAIGHT_JOIN e.event_id, {PUT_AWAY} AS put_away FROM events e \
           JOIN coupons c ON c.event_id = e.event_id AND c.user_id = ? \
         WHERE e.created_at <= ? AND e.event_id > ? ORDER BY e.event_id LIMIT ?"
    )
}

/// What letters say they are of, behind another: events that exist, or were never made.
pub(in crate::store) fn events_with_letters() -> String {
    format!(
        "SELECT d.event_id, e.event_id IS NOT NULL AS is_there, {PUT_AWAY} AS put_away, \
           e.created_at > ? AS later \
         FROM (SELECT DISTINCT event_id FROM dead_letters WHERE event_id > ? \
               ORDER BY event_id LIMIT ?) d \
           LEFT JOIN events e ON e.event_id = d.event_id \
         ORDER BY d.event_id"
    )
}

/// Nobody else takes the event from where it stands meanwhile.
pub(in crate::store) fn lock_put_away() -> String {
    format!("SELECT e.event_id FROM events e WHERE e.event_id = ? AND {PUT_AWAY} FOR UPDATE")
}

pub(in crate::store) const COUNT_COUPONS_OF_USER: &str =
    "SELECT COUNT(*) FROM coupons WHERE event_id = ? AND user_id = ?";
pub(in crate::store) const ERASE_COUPONS: &str = "\
    UPDATE coupons SET user_id = ?, attempt = NULL, request_id = NULL \
    WHERE event_id = ? AND user_id = ?";

/// A letter of an event (NULL: of none) that names a user: by the end of its key, or in its record.
const NAMES_USER: &str = "\
    event_id <=> ? AND (RIGHT(record_key, LENGTH(?)) = ? OR INSTR(record, ?) > 0)";

pub(in crate::store) fn count_letters_of_user() -> String {
    format!("SELECT COUNT(*) FROM dead_letters WHERE {NAMES_USER}")
}

pub(in crate::store) fn count_open_letters_of_user() -> String {
    format!("{} AND resolved_at IS NULL", count_letters_of_user())
}

/// A record that names the user in a way of its own is dropped, and so is one that would not fit its
/// column any more.
pub(in crate::store) fn erase_letters() -> String {
    format!(
        "UPDATE dead_letters SET \
           record = IF(INSTR(record, ?) > 0 AND LENGTH(REPLACE(record, ?, ?)) <= ?, \
             REPLACE(record, ?, ?), NULL), \
           record_key = IF(RIGHT(record_key, LENGTH(?)) = ?, \
             LEFT(CONCAT(LEFT(record_key, LENGTH(record_key) - LENGTH(?)), ?), ?), record_key), \
           request_id = NULL \
         WHERE {NAMES_USER}"
    )
}

/// Only those of which nothing more can come.
pub(in crate::store) fn erase_resolved_letters() -> String {
    format!("{} AND resolved_at IS NOT NULL", erase_letters())
}

/// Letters of others may say whose place was taken.
pub(in crate::store) const ERASE_MESSAGES: &str = "\
    UPDATE dead_letters SET message = \
      LEFT(REPLACE(REPLACE(message, CONCAT(?, ','), CONCAT(?, ',')), \
        CONCAT(?, ' '), CONCAT(?, ' ')), 1024) \
    WHERE event_id <=> ? \
      AND (INSTR(message, CONCAT(?, ',')) > 0 OR INSTR(message, CONCAT(?, ' ')) > 0)";

/// Runs behind another that have a report.
pub(in crate::store) const RUNS_WITH_REPORTS: &str = "\
    SELECT run_id FROM reconciliations WHERE run_id > ? AND report IS NOT NULL \
    ORDER BY run_id LIMIT ?";
pub(in crate::store) const ERASE_REPORTS: &str = "\
    UPDATE reconciliations \
    SET report = REPLACE(REPLACE(REPLACE(report, ?, ?), ?, ?), ?, ?) \
    WHERE run_id > ? AND run_id <= ? AND report IS NOT NULL \
      AND (INSTR(report, ?) > 0 OR INSTR(report, ?) > 0 OR INSTR(report, ?) > 0)";
