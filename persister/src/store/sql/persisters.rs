//! Persisters that run.

pub(in crate::store) const SAY_PERSISTER_RUNS: &str = "\
    INSERT INTO persisters (name, version, formats, seen_at) VALUES (?, ?, ?, UTC_TIMESTAMP(3)) \
    ON DUPLICATE KEY UPDATE version = ?, formats = ?, seen_at = UTC_TIMESTAMP(3)";
pub(in crate::store) const TAKE_PERSISTER_BACK: &str = "DELETE FROM persisters WHERE name = ?";
/// Those that ended without a word, long ago.
pub(in crate::store) const FORGET_PERSISTERS: &str =
    "DELETE FROM persisters WHERE seen_at < UTC_TIMESTAMP(3) - INTERVAL 1 DAY LIMIT 1000";
pub(in crate::store) const PERSISTERS: &str = "\
    SELECT name, version, formats FROM persisters \
    WHERE seen_at >= UTC_TIMESTAMP(3) - INTERVAL ? SECOND ORDER BY name LIMIT ?";
