//! Runs of reconcile.

pub(in crate::store) const LOCK_RECONCILE: &str = "SELECT GET_LOCK('firstcome.reconcile', 0)";
pub(in crate::store) const HOLDS_RECONCILE_LOCK: &str =
    "SELECT COALESCE(IS_USED_LOCK('firstcome.reconcile') = CONNECTION_ID(), 0)";
pub(in crate::store) const UNLOCK_RECONCILE: &str = "SELECT RELEASE_LOCK('firstcome.reconcile')";
pub(in crate::store) const BEGIN_RECONCILIATION: &str = "\
    INSERT INTO reconciliations (run_id, mode, started_by, event_id, started_at) \
    VALUES (?, ?, ?, ?, UTC_TIMESTAMP(3))";
pub(in crate::store) const END_RECONCILIATION: &str = "\
    UPDATE reconciliations SET ended_at = UTC_TIMESTAMP(3), events = ?, not_judged = ?, \
      differences = ?, published = ?, rearms_asked = ?, wins = ?, rows_compared = ?, \
      in_flight = ?, dead_lettered = ?, given_up = ?, report = ? \
    WHERE run_id = ?";
/// Since the last run by itself began that came to its end, in seconds; since there is a schema where
/// none did, so that a new leader does not begin to count.
pub(in crate::store) const LAST_SCHEDULED_RUN: &str = "\
    SELECT TIMESTAMPDIFF(SECOND, \
      COALESCE(MAX(started_at), (SELECT MIN(applied_at) FROM schema_migrations)), \
      UTC_TIMESTAMP(3)) \
    FROM reconciliations WHERE started_by = 'schedule' AND ended_at IS NOT NULL";
/// When the first run began that is still to be kept.
pub(in crate::store) const OLDEST_KEPT_RUN: &str =
    "SELECT started_at FROM reconciliations ORDER BY started_at DESC LIMIT 1 OFFSET ?";
pub(in crate::store) const FORGET_RUNS: &str =
    "DELETE FROM reconciliations WHERE started_at < ? LIMIT 1000";
const RUN: &str = "run_id, mode, started_by, event_id, started_at, ended_at, events, not_judged, \
    differences, published, rearms_asked, wins, rows_compared, in_flight, dead_lettered, given_up";

/// The last runs, without their reports.
pub(in crate::store) fn runs() -> String {
    format!("SELECT {RUN}, NULL AS report FROM reconciliations ORDER BY started_at DESC LIMIT ?")
}

/// Runs that came to their end and began after a time, the oldest first, without their reports. Two
/// never work at once, so none that began before ends after them.
pub(in crate::store) fn ended_runs() -> String {
    format!(
        "SELECT {RUN}, NULL AS report FROM reconciliations \
         WHERE started_at > ? AND ended_at IS NOT NULL ORDER BY started_at LIMIT ?"
    )
}

/// One run, with its report.
pub(in crate::store) fn run() -> String {
    format!("SELECT {RUN}, report FROM reconciliations WHERE run_id = ?")
}
