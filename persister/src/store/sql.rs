//! The text of every statement. Valid on MySQL 8 and on MariaDB 10.11: no RETURNING, LOCK IN SHARE
//! MODE instead of FOR SHARE, `column = column` instead of a row alias or VALUES().

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

// Events.

pub(super) const CREATE_EVENT: &str = "\
    INSERT INTO events (event_id, stock, per_user_limit, opens_at, closes_at, phase, confirm, \
      labels, created_at, updated_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)) \
    ON DUPLICATE KEY UPDATE event_id = event_id";
/// All that operators may want otherwise.
pub(super) const CHANGE_EVENT: &str = "\
    UPDATE events SET phase = ?, stock = ?, opens_at = ?, closes_at = ?, labels = ?, \
      version = version + 1, updated_at = UTC_TIMESTAMP(3) \
    WHERE event_id = ? AND version = ?";
/// One event.
pub(super) const OF_EVENT: &str = "WHERE e.event_id = ?";
/// A page of events, the oldest first, behind one of them; those of a phase where one is named.
pub(super) const EVENTS_AFTER: &str = "\
    WHERE (? = '' OR e.phase = ?) \
      AND (e.created_at > ? OR (e.created_at = ? AND e.event_id > ?)) \
    ORDER BY e.created_at, e.event_id LIMIT ?";
/// What the leader looks after: all but those that it has put away.
pub(super) const LIVE_EVENTS: &str =
    "WHERE e.phase <> 'archived' OR e.version <> e.carried_version OR e.waiting_for <> ''";
/// Those of so many events that it has put away.
pub(super) fn put_away_of(events: usize) -> String {
    format!("WHERE {PUT_AWAY} AND e.event_id IN ({}) LIMIT ?", list("?", events))
}
/// What the leader has not carried to shard and directory yet.
pub(super) const CHANGED_EVENTS: &str = "\
    WHERE e.version <> e.carried_version \
      OR (e.phase <> 'archived' AND e.event_id IN (SELECT event_id FROM coupon_changes))";
/// Returned units gather for so long, so that they go on sale once a second at most.
const DUE_CHANGES: &str = "\
    EXISTS (SELECT 1 FROM coupon_changes k WHERE k.event_id = e.event_id \
      AND k.created_at <= UTC_TIMESTAMP(3) - INTERVAL 1 SECOND) AS changes_due";

/// Events with their current arming. `opened_before`: some arming got so far that claims may have
/// been granted.
pub(super) fn events(which: &str) -> String {
    format!(
        "SELECT e.event_id, e.stock, e.per_user_limit, e.opens_at, e.closes_at, e.phase, \
           e.confirm, e.labels, e.epoch, e.version, e.carried_version, e.waiting_for, e.created_at, \
           e.updated_at, e.rearm_asked, x.step, x.armer, x.identity, x.run_id, x.config_epoch, \
           EXISTS (SELECT 1 FROM event_epochs y WHERE y.event_id = e.event_id \
             AND y.step IN ('opening', 'open', 'archived')) AS opened_before, \
           (SELECT COALESCE(MAX(z.config_epoch), 0) FROM event_epochs z \
             WHERE z.event_id = e.event_id) AS highest_config_epoch, \
           {DUE_CHANGES} \
         FROM events e \
         LEFT JOIN event_epochs x ON x.event_id = e.event_id AND x.epoch = e.epoch {which}"
    )
}

pub(super) const ARMED_EVENTS: &str = "\
    SELECT event_id FROM events \
    WHERE epoch > 0 AND (phase <> 'archived' OR version <> carried_version)";
pub(super) const LOCK_EVENT: &str = "\
    SELECT epoch, version, stock, per_user_limit FROM events WHERE event_id = ? FOR UPDATE";
pub(super) const RAISE_EPOCH: &str = "UPDATE events SET epoch = ? WHERE event_id = ?";
pub(super) const NOTE_CARRIED: &str = "\
    UPDATE events SET carried_version = ?, waiting_for = '' \
    WHERE event_id = ? AND epoch = ? AND version = ?";
pub(super) const ASK_REARM: &str =
    "UPDATE events SET rearm_asked = ? WHERE event_id = ? AND epoch = ?";
pub(super) const REARM_ASKED: &str =
    "SELECT rearm_asked FROM events WHERE event_id = ? AND epoch = ?";
pub(super) const NOTE_WAITING: &str = "UPDATE events SET waiting_for = ? WHERE event_id = ?";

// Audit.

pub(super) const NOTE_AUDIT: &str = "\
    INSERT INTO audit (happened_at, who, way, action, event_id, version, subject, was, became, why) \
    VALUES (UTC_TIMESTAMP(3), ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const AUDIT: &str = "\
    SELECT audit_id, happened_at, who, way, action, event_id, version, subject, was, became, why \
    FROM audit WHERE audit_id < ? ORDER BY audit_id DESC LIMIT ?";
pub(super) const AUDIT_OF_EVENT: &str = "\
    SELECT audit_id, happened_at, who, way, action, event_id, version, subject, was, became, why \
    FROM audit WHERE event_id = ? AND audit_id < ? ORDER BY audit_id DESC LIMIT ?";
pub(super) const AUDIT_SINCE: &str = "\
    SELECT audit_id, happened_at, who, way, action, event_id, version, subject, was, became, why \
    FROM audit WHERE event_id = ? AND version > ? ORDER BY audit_id LIMIT ?";

// Epochs.

pub(super) const BEGIN_EPOCH: &str = "\
    INSERT INTO event_epochs (event_id, epoch, step, armer, started_at) \
    VALUES (?, ?, 'fencing', ?, UTC_TIMESTAMP(3))";
pub(super) const NOTE_ARMING: &str = "\
    UPDATE event_epochs SET step = 'arming', identity = ?, run_id = ?, config_epoch = ? \
    WHERE event_id = ? AND epoch = ? AND armer = ?";
pub(super) const NOTE_OPENING: &str = "\
    UPDATE event_epochs SET step = 'opening' WHERE event_id = ? AND epoch = ? AND armer = ?";
pub(super) const NOTE_OPEN: &str = "\
    UPDATE event_epochs SET step = 'open', opened_at = UTC_TIMESTAMP(3) \
    WHERE event_id = ? AND epoch = ? AND step = 'opening'";
/// From here on nobody arms it again.
pub(super) const NOTE_ARCHIVED: &str = "\
    UPDATE event_epochs SET step = 'archived' \
    WHERE event_id = ? AND epoch = ? AND step = 'open'";
pub(super) const NOTE_IDENTITY: &str =
    "UPDATE event_epochs SET identity = ? WHERE event_id = ? AND epoch = ?";

// Coupons.

pub(super) const COUPON_PARAMS: usize = 13;
const COUPON_ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Adds so many coupons. A row that breaks a unique key changes nothing and is not counted.
pub(super) fn insert_coupons(rows: usize) -> String {
    format!(
        "INSERT INTO coupons (coupon_id, event_id, user_id, user_nth, sequence, quantity, epoch, \
           attempt, told, state, revision, issued_at, request_id) \
         VALUES {} ON DUPLICATE KEY UPDATE coupon_id = coupon_id",
        list(COUPON_ROW, rows)
    )
}

/// Coupons by so many ids.
pub(super) fn coupons_by_id(ids: usize) -> String {
    format!(
        "SELECT coupon_id, event_id, user_id, user_nth, sequence, revision FROM coupons \
         WHERE coupon_id IN ({})",
        list("?", ids)
    )
}

/// How so many events stand for records of one partition: the epoch, whether it was united
/// already, and the highest epoch whose marker was read there. Locks the rows of the event and of
/// its epoch, so that no epoch begins and no uniting ends in between.
pub(super) fn epochs_of_events(events: usize) -> String {
    format!(
        "SELECT e.event_id, e.epoch, \
           COALESCE(x.step IN ('opening', 'open', 'archived'), FALSE) AS united, \
           (SELECT COALESCE(MAX(c.epoch), 0) FROM event_cuts c \
             WHERE c.event_id = e.event_id AND c.part = ?) AS cut \
         FROM events e \
         LEFT JOIN event_epochs x ON x.event_id = e.event_id AND x.epoch = e.epoch \
         WHERE e.event_id IN ({}) LOCK IN SHARE MODE",
        list("?", events)
    )
}

pub(super) const ADD_CUT: &str = "\
    INSERT INTO event_cuts (event_id, part, epoch, kafka_offset) VALUES (?, ?, ?, ?) \
    ON DUPLICATE KEY UPDATE part = part";
pub(super) const HAS_COUPONS: &str = "SELECT 1 FROM coupons WHERE event_id = ? LIMIT 1";
pub(super) const COUNT_CUTS: &str =
    "SELECT COUNT(*) FROM event_cuts WHERE event_id = ? AND epoch = ?";
pub(super) const COUNT_COUPONS: &str = "\
    SELECT COUNT(*), CAST(COALESCE(SUM(quantity), 0) AS UNSIGNED), COALESCE(MAX(sequence), 0) \
    FROM coupons WHERE event_id = ? AND state NOT IN ('returned', 'withdrawn')";

pub(super) const WINNERS_AFTER: &str = "\
    SELECT sequence, user_id, user_nth, coupon_id, quantity, state, issued_at FROM coupons \
    WHERE event_id = ? AND sequence > ? ORDER BY sequence LIMIT ?";

// Changes of coupons by operators.

pub(super) const EVENT_OF_COUPON: &str = "SELECT event_id FROM coupons WHERE coupon_id = ?";
pub(super) const LOCK_EVENT_STEP: &str = "\
    SELECT x.step, e.phase FROM events e \
    LEFT JOIN event_epochs x ON x.event_id = e.event_id AND x.epoch = e.epoch \
    WHERE e.event_id = ? FOR UPDATE";
pub(super) const LOCK_COUPON: &str = "\
    SELECT event_id, user_id, sequence, state, revision FROM coupons \
    WHERE coupon_id = ? FOR UPDATE";
pub(super) const CHANGE_COUPON: &str =
    "UPDATE coupons SET state = ?, revision = ? WHERE coupon_id = ?";
pub(super) const NOTE_COUPON_CHANGE: &str = "\
    INSERT INTO coupon_changes (event_id, coupon_id, revision, created_at) \
    VALUES (?, ?, ?, UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE revision = GREATEST(revision, ?)";
pub(super) const PENDING_CHANGE: &str =
    "SELECT 1 FROM coupon_changes WHERE event_id = ? AND coupon_id = ?";
pub(super) const COUNT_CHANGES: &str = "SELECT COUNT(*) FROM coupon_changes WHERE event_id = ?";
pub(super) const PENDING_CHANGES: &str = "\
    SELECT c.coupon_id, c.user_id, c.state, c.revision FROM coupon_changes k \
    JOIN coupons c ON c.coupon_id = k.coupon_id \
    WHERE k.event_id = ? ORDER BY k.coupon_id LIMIT ?";
pub(super) const FORGET_CHANGE: &str = "\
    DELETE FROM coupon_changes WHERE event_id = ? AND coupon_id = ? AND revision <= ?";

// Uniting an event's shard with its rows.

/// Units held and the highest number given, whoever holds it.
pub(super) const LEDGER: &str = "\
    SELECT \
      CAST(COALESCE(SUM(IF(state IN ('returned', 'withdrawn'), 0, quantity)), 0) AS UNSIGNED), \
      COALESCE(MAX(sequence), 0) \
    FROM coupons WHERE event_id = ?";
const HELD: &str = "coupon_id, user_id, user_nth, sequence, quantity, attempt, state, revision, \
    issued_at";

/// Coupons of the users after one, in their order.
pub(super) fn coupons_after() -> String {
    format!(
        "SELECT {HELD} FROM coupons WHERE event_id = ? AND user_id > ? \
         ORDER BY user_id, user_nth LIMIT ?"
    )
}

/// Coupons of so many users.
pub(super) fn coupons_of(users: usize) -> String {
    format!(
        "SELECT {HELD} FROM coupons WHERE event_id = ? AND user_id IN ({}) \
         ORDER BY user_id, user_nth",
        list("?", users)
    )
}

/// Those of so many numbers that are taken.
pub(super) fn sequences(count: usize) -> String {
    format!(
        "SELECT sequence FROM coupons WHERE event_id = ? AND sequence IN ({})",
        list("?", count)
    )
}

pub(super) const RAISE_REVISION: &str = "\
    UPDATE coupons SET state = ?, revision = ? WHERE coupon_id = ? AND revision < ?";

// Dead letters.

/// Letters of an event that wait, of one reason, from a place on. One that was given up keeps what it
/// held: somebody was told of it.
pub(super) const WAITING_LETTERS: &str = "\
    SELECT part, kafka_offset, record FROM dead_letters \
    WHERE topic = ? AND event_id = ? AND reason = ? \
      AND (resolved_at IS NULL OR resolution = 'given_up') \
      AND (part > ? OR (part = ? AND kafka_offset > ?)) \
    ORDER BY part, kafka_offset LIMIT ?";
pub(super) const COUNT_WAITING_LETTERS: &str = "\
    SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND reason = ? AND resolved_at IS NULL";
pub(super) const RESOLVE_LETTER: &str = "\
    UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3), resolution = 'united' \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL";
pub(super) const CHANGE_LETTER: &str = "\
    UPDATE dead_letters SET reason = ?, message = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ?";

/// Those of so many coupons that MySQL refused for good, whether their letters wait or were given up.
pub(super) fn refused_coupons(ids: usize) -> String {
    format!(
        "SELECT coupon_id FROM dead_letters \
         WHERE event_id = ? AND reason = 'rejected' \
           AND (resolved_at IS NULL OR resolution = 'given_up') AND coupon_id IN ({})",
        list("?", ids)
    )
}

pub(super) const ADD_DEAD_LETTER: &str = "\
    INSERT INTO dead_letters (topic, part, kafka_offset, event_id, coupon_id, reason, message, \
      record, record_key, record_at, request_id, created_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3)) \
    ON DUPLICATE KEY UPDATE part = part";
pub(super) const COUNT_DEAD_LETTERS: &str =
    "SELECT COUNT(*) FROM dead_letters WHERE event_id = ? AND resolved_at IS NULL";

// The dead-letter desk.

const LETTER: &str = "part, kafka_offset, event_id, coupon_id, reason, message, record_at, request_id, created_at, last_failed_at, attempts, replayed_at, resolved_at, resolution, \
    given_up_by, given_up_why, \
    replayed_at IS NOT NULL AND (replayed_at > UTC_TIMESTAMP(3) - INTERVAL 60 SECOND \
      OR COALESCE(replayed_offset >= (SELECT p.next_offset FROM partitions p \
        WHERE p.topic = dead_letters.topic AND p.part = dead_letters.replayed_part), FALSE)) \
      AS on_its_way";

/// Letters of a topic that fit all of those conditions, as they came, without their records: a page
/// of them may be 64 MB.
pub(super) fn letters(conditions: &[&str]) -> String {
    let all: String = conditions.iter().map(|condition| format!(" AND {condition}")).collect();
    format!(
        "SELECT {LETTER}, NULL AS record, NULL AS record_key FROM dead_letters \
         WHERE topic = ?{all} \
         ORDER BY created_at, part, kafka_offset LIMIT ?"
    )
}

pub(super) const LETTERS_OF_EVENT: &str = "event_id = ?";
pub(super) const LETTERS_OF_REASON: &str = "reason = ?";
pub(super) const LETTERS_SINCE: &str = "created_at >= ?";
pub(super) const LETTERS_BEFORE: &str = "created_at < ?";
pub(super) const LETTERS_WAITING: &str = "resolved_at IS NULL";
pub(super) const LETTERS_RESOLVED: &str =
    "resolved_at IS NOT NULL AND COALESCE(resolution, 'united') = ?";
/// Behind a letter, in the order of [`letters`].
pub(super) const LETTERS_AFTER: &str = "\
    created_at >= ? AND (created_at > ? OR part > ? OR (part = ? AND kafka_offset > ?))";

const OF_LETTER: &str = "FROM dead_letters WHERE topic = ? AND part = ? AND kafka_offset = ?";

/// One letter, with its record.
pub(super) fn letter() -> String {
    format!("SELECT {LETTER}, record, record_key {OF_LETTER}")
}

/// How one letter stands, without its record.
pub(super) fn standing_letter() -> String {
    format!("SELECT {LETTER}, NULL AS record, NULL AS record_key {OF_LETTER}")
}

/// A letter is about to be brought again, as long as it stands as it was looked at.
pub(super) const NOTE_REPLAY: &str = "\
    UPDATE dead_letters SET replayed_at = UTC_TIMESTAMP(3), replayed_part = ?, replayed_offset = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND attempts = ? AND replayed_at <=> ?";
/// Where its record stands now, if nobody has read it yet.
pub(super) const PLACE_REPLAY: &str = "\
    UPDATE dead_letters SET replayed_offset = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND attempts = ? AND replayed_at IS NOT NULL";
/// Kafka has not taken it.
pub(super) const TAKE_REPLAY_BACK: &str = "\
    UPDATE dead_letters SET replayed_at = NULL \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND attempts = ? AND replayed_at IS NOT NULL";
/// It is a row, whatever was decided about it meanwhile.
pub(super) const REPLAY_LANDED: &str = "\
    UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3), resolution = 'replayed', \
      replayed_at = NULL \
    WHERE topic = ? AND part = ? AND kafka_offset = ? \
      AND (resolved_at IS NULL OR resolution = 'given_up')";
/// It failed again and waits again, unless it was given up. A refused win stays one: its shard holds
/// it, whatever epoch its record met.
pub(super) const REPLAY_FAILED: &str = "\
    UPDATE dead_letters SET attempts = attempts + 1, last_failed_at = UTC_TIMESTAMP(3), \
      replayed_at = NULL, resolved_at = NULL, resolution = NULL, message = ?, \
      event_id = COALESCE(?, event_id), coupon_id = COALESCE(?, coupon_id), \
      reason = IF(reason = 'rejected' AND ? IN ('late', 'void'), reason, ?) \
    WHERE topic = ? AND part = ? AND kafka_offset = ? \
      AND COALESCE(resolution, '') <> 'given_up'";
/// An operator gives it up, as long as it stands as it was looked at.
pub(super) const GIVE_UP: &str = "\
    UPDATE dead_letters SET resolved_at = UTC_TIMESTAMP(3), resolution = 'given_up', \
      replayed_at = NULL, given_up_by = ?, given_up_why = ? \
    WHERE topic = ? AND part = ? AND kafka_offset = ? AND resolved_at IS NULL \
      AND reason <> 'late' AND attempts = ? AND replayed_at <=> ?";

// Users who are erased.

/// Asked for again, it is asked for from then on.
pub(super) const ASK_ERASURE: &str = "\
    INSERT INTO erasures (user_id, asked_at, who, way, why) VALUES (?, UTC_TIMESTAMP(3), ?, ?, ?) \
    ON DUPLICATE KEY UPDATE asked_at = UTC_TIMESTAMP(3), looked_at = NULL";
pub(super) const ERASURE_OF: &str =
    "SELECT erasure_id, user_id, asked_at FROM erasures WHERE user_id = ?";
/// Those that nobody has looked at for a minute.
pub(super) const DUE_ERASURES: &str = "\
    SELECT erasure_id, user_id, asked_at FROM erasures \
    WHERE user_id IS NOT NULL \
      AND (looked_at IS NULL OR looked_at <= UTC_TIMESTAMP(3) - INTERVAL 60 SECOND) \
    ORDER BY erasure_id LIMIT ?";
pub(super) const ERASURES: &str = "\
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
pub(super) const PUT_AWAY: &str = "e.phase = 'archived' AND e.version = e.carried_version";
pub(super) const NOT_PUT_AWAY: &str = "(e.phase <> 'archived' OR e.version <> e.carried_version)";

/// Events that stand so where a user has rows.
pub(super) fn events_of_user(standing: &str) -> String {
    format!("{EVENTS_OF_USER}{standing} LIMIT ?")
}

/// Events that stand so where letters name a user.
pub(super) fn letter_events_of_user(standing: &str) -> String {
    format!("{LETTER_EVENTS_OF_USER}{standing} LIMIT ?")
}

/// Nobody else takes the event from where it stands meanwhile.
pub(super) fn lock_put_away() -> String {
    format!("SELECT e.event_id FROM events e WHERE e.event_id = ? AND {PUT_AWAY} FOR UPDATE")
}

pub(super) const ERASE_COUPONS: &str = "\
    UPDATE coupons SET user_id = ?, attempt = NULL, request_id = NULL \
    WHERE event_id = ? AND user_id = ?";
/// A record that names the user in a way of its own is dropped.
pub(super) const ERASE_LETTERS: &str = "\
    UPDATE dead_letters SET \
      record = IF(INSTR(record, ?) > 0, REPLACE(record, ?, ?), NULL), \
      record_key = IF(record_key = ?, ?, record_key), request_id = NULL \
    WHERE event_id = ? AND (record_key = ? OR INSTR(record, ?) > 0)";
/// Letters of others may say whose place was taken.
pub(super) const ERASE_MESSAGES: &str = "\
    UPDATE dead_letters SET message = \
      LEFT(REPLACE(REPLACE(message, CONCAT(?, ','), CONCAT(?, ',')), \
        CONCAT(?, ' '), CONCAT(?, ' ')), 1024) \
    WHERE event_id = ? \
      AND (INSTR(message, CONCAT(?, ',')) > 0 OR INSTR(message, CONCAT(?, ' ')) > 0)";
pub(super) const ERASE_REPORTS: &str = "\
    UPDATE reconciliations SET report = REPLACE(report, ?, ?) \
    WHERE report IS NOT NULL AND INSTR(report, ?) > 0";
pub(super) const COUNT_COUPONS_OF_USER: &str =
    "SELECT COUNT(*) FROM coupons WHERE event_id = ? AND user_id = ?";
pub(super) const NOTE_ERASED: &str = "\
    UPDATE erasures SET looked_at = UTC_TIMESTAMP(3), coupons = coupons + ?, \
      letters = letters + ?, reports = reports + ? \
    WHERE erasure_id = ?";
/// Nothing can bring the user back any more: Kafka has no record of before.
pub(super) const FORGET_ERASURE: &str = "\
    UPDATE erasures SET user_id = NULL, forgotten_at = UTC_TIMESTAMP(3) \
    WHERE erasure_id = ? AND asked_at <= UTC_TIMESTAMP(3) - INTERVAL ? DAY";

// Reconcile.

pub(super) const LOCK_RECONCILE: &str = "SELECT GET_LOCK('firstcome.reconcile', 0)";
pub(super) const HOLDS_RECONCILE_LOCK: &str =
    "SELECT COALESCE(IS_USED_LOCK('firstcome.reconcile') = CONNECTION_ID(), 0)";
pub(super) const UNLOCK_RECONCILE: &str = "SELECT RELEASE_LOCK('firstcome.reconcile')";
pub(super) const BEGIN_RECONCILIATION: &str = "\
    INSERT INTO reconciliations (run_id, mode, started_by, event_id, started_at) \
    VALUES (?, ?, ?, ?, UTC_TIMESTAMP(3))";
pub(super) const END_RECONCILIATION: &str = "\
    UPDATE reconciliations SET ended_at = UTC_TIMESTAMP(3), events = ?, not_judged = ?, \
      differences = ?, published = ?, rearms_asked = ?, wins = ?, rows_compared = ?, \
      in_flight = ?, dead_lettered = ?, given_up = ?, report = ? \
    WHERE run_id = ?";
/// Since the last run by itself began that came to its end, in seconds; since there is a schema where
/// none did, so that a new leader does not begin to count.
pub(super) const LAST_SCHEDULED_RUN: &str = "\
    SELECT TIMESTAMPDIFF(SECOND, \
      COALESCE(MAX(started_at), (SELECT MIN(applied_at) FROM schema_migrations)), \
      UTC_TIMESTAMP(3)) \
    FROM reconciliations WHERE started_by = 'schedule' AND ended_at IS NOT NULL";
/// When the first run began that is still to be kept.
pub(super) const OLDEST_KEPT_RUN: &str =
    "SELECT started_at FROM reconciliations ORDER BY started_at DESC LIMIT 1 OFFSET ?";
pub(super) const FORGET_RUNS: &str = "DELETE FROM reconciliations WHERE started_at < ? LIMIT 1000";
const RUN: &str = "run_id, mode, started_by, event_id, started_at, ended_at, events, not_judged, \
    differences, published, rearms_asked, wins, rows_compared, in_flight, dead_lettered, given_up";

/// The last runs, without their reports.
pub(super) fn runs() -> String {
    format!("SELECT {RUN}, NULL AS report FROM reconciliations ORDER BY started_at DESC LIMIT ?")
}

/// One run, with its report.
pub(super) fn run() -> String {
    format!("SELECT {RUN}, report FROM reconciliations WHERE run_id = ?")
}

pub(super) const HIGHEST_SEQUENCE: &str =
    "SELECT COALESCE(MAX(sequence), 0) FROM coupons WHERE event_id = ?";
pub(super) const SEQUENCES_BETWEEN: &str = "\
    SELECT sequence FROM coupons WHERE event_id = ? AND sequence > ? AND sequence <= ? \
    ORDER BY sequence LIMIT ?";

pub(super) const CHANGE_WAITS: &str =
    "SELECT 1 FROM coupon_changes WHERE event_id = ? AND coupon_id = ?";

/// Coupons of so many numbers.
pub(super) fn coupons_of_sequences(count: usize) -> String {
    format!(
        "SELECT {HELD} FROM coupons WHERE event_id = ? AND sequence IN ({}) ORDER BY sequence",
        list("?", count)
    )
}

/// Those of so many coupons that have a dead letter which explains why they have no row.
pub(super) fn explained(ids: usize) -> String {
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

/// `item, item, …`
fn list(item: &str, count: usize) -> String {
    vec![item; count].join(", ")
}

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

    #[test]
    fn a_row_has_a_mark_for_each_column() {
        assert_eq!(COUPON_ROW.matches('?').count(), COUPON_PARAMS);
        let three = insert_coupons(3);
        assert_eq!(three.matches('?').count(), 3 * COUPON_PARAMS);
        assert!(three.contains("?), (?"), "{three}");
        assert!(coupons_by_id(2).ends_with("IN (?, ?)"));
    }
}
