//! The text of every statement. Valid on MySQL 8 and on MariaDB 10.11: no RETURNING, LOCK IN SHARE
//! MODE instead of FOR SHARE, `column = column` instead of a row alias or VALUES().
//!
//! Here stands what concerns sessions, the schema and the leases; each file beside it has a matter of
//! its own.

mod audit;
mod coupons;
mod erasures;
mod events;
mod letters;
mod persisters;
mod reconciliations;

pub(super) use audit::*;
pub(super) use coupons::*;
pub(super) use erasures::*;
pub(super) use events::*;
pub(super) use letters::*;
pub(super) use persisters::*;
pub(super) use reconciliations::*;

/// What each session is told first. The server's defaults would do, but are not ours to rely on.
pub(super) fn session_settings(lock_wait_s: u32, idle_s: u32) -> Vec<String> {
    vec![
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
        format!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
             time_zone = '+00:00', innodb_lock_wait_timeout = {lock_wait_s}, \
             wait_timeout = {idle_s}"
        ),
    ]
}

pub(super) const BEGIN: &str = "START TRANSACTION";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

// Schema.

pub(super) const LOCK_MIGRATIONS: &str = "SELECT COALESCE(GET_LOCK('firstcome.migrate', ?), 0)";
pub(super) const UNLOCK_MIGRATIONS: &str = "SELECT RELEASE_LOCK('firstcome.migrate')";
pub(super) const CREATE_MIGRATIONS: &str = "\
    CREATE TABLE IF NOT EXISTS schema_migrations (\
      version INT UNSIGNED NOT NULL, \
      name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, \
      applied_at DATETIME(3) NOT NULL, \
      PRIMARY KEY (version))";
pub(super) const MIGRATIONS: &str = "SELECT version FROM schema_migrations ORDER BY version";
pub(super) const NOTE_MIGRATION: &str = "\
    INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, UTC_TIMESTAMP(3)) \
    ON DUPLICATE KEY UPDATE version = version";
pub(super) const ADD_PARTITION: &str = "\
    INSERT INTO partitions (topic, part) VALUES (?, ?) ON DUPLICATE KEY UPDATE part = part";

// The server.

pub(super) const SERVER: &str =
    "SELECT VERSION(), @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.sync_binlog";
/// How many replicas follow the server: all, as MariaDB says it, or those that acknowledge commits,
/// as MySQL does. SHOW REPLICAS would need a privilege that persisters do not have.
pub(super) const REPLICAS_CONNECTED: &str = "\
    SHOW GLOBAL STATUS WHERE Variable_name IN ('Slaves_connected', \
      'Rpl_semi_sync_master_clients', 'Rpl_semi_sync_source_clients')";
/// Whether replicas are asked to acknowledge commits.
pub(super) const SEMI_SYNC: &str = "\
    SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_master_enabled', \
      'rpl_semi_sync_source_enabled')";
/// The time, as columns have it.
pub(super) const NOW: &str = "SELECT UTC_TIMESTAMP(3)";
pub(super) const CLOCK: &str = "SELECT CAST(UNIX_TIMESTAMP(UTC_TIMESTAMP(3)) * 1000 AS UNSIGNED)";

// Leases.

pub(super) const LEASES: &str = "\
    SELECT part, next_offset, owner, lease_until > UTC_TIMESTAMP(6) AS live \
    FROM partitions WHERE topic = ? ORDER BY part";
pub(super) const LEASES_LOCKED: &str = "\
    SELECT part, next_offset, owner, lease_until > UTC_TIMESTAMP(6) AS live \
    FROM partitions WHERE topic = ? ORDER BY part FOR UPDATE";
pub(super) const TAKE_LEASES: &str = "\
    UPDATE partitions SET owner = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND \
    WHERE topic = ?";
pub(super) const RENEW_LEASES: &str = "\
    UPDATE partitions SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND \
    WHERE topic = ? AND owner = ?";
pub(super) const COUNT_LEASES: &str =
    "SELECT COUNT(*) FROM partitions WHERE topic = ? AND owner = ?";
pub(super) const RELEASE_LEASES: &str = "\
    UPDATE partitions SET owner = '', lease_until = '1970-01-01 00:00:00' \
    WHERE topic = ? AND owner = ?";
pub(super) const POSITION: &str =
    "SELECT next_offset, owner FROM partitions WHERE topic = ? AND part = ?";
/// The compare that makes at-least-once records exactly-once rows.
pub(super) const ADVANCE: &str = "\
    UPDATE partitions SET next_offset = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? SECOND \
    WHERE topic = ? AND part = ? AND next_offset = ? AND owner = ?";

/// `item, item, …`
fn list(item: &str, count: usize) -> String {
    vec![item; count].join(", ")
}
