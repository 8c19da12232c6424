//! Events, what operators want of them, and their epochs.

use super::{PUT_AWAY, list};

pub(in crate::store) const CREATE_EVENT: &str = "\
    INSERT INTO events (event_id, stock, per_user_limit, opens_at, closes_at, phase, confirm, \
      labels, created_at, updated_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)) \
    ON DUPLICATE KEY UPDATE event_id = event_id";
/// All that operators may want otherwise.
pub(in crate::store) const CHANGE_EVENT: &str = "\
    UPDATE events SET phase = ?, stock = ?, opens_at = ?, closes_at = ?, labels = ?, \
      version = version + 1, updated_at = UTC_TIMESTAMP(3) \
    WHERE event_id = ? AND version = ?";
/// One event.
pub(in crate::store) const OF_EVENT: &str = "WHERE e.event_id = ?";
/// A page of events, the oldest first, behind one of them; those of a phase where one is named.
pub(in crate::store) const EVENTS_AFTER: &str = "\
    WHERE (? = '' OR e.phase = ?) \
      AND (e.created_at > ? OR (e.created_at = ? AND e.event_id > ?)) \
    ORDER BY e.created_at, e.event_id LIMIT ?";
/// What the leader looks after: all but those that it has put away.
pub(in crate::store) const LIVE_EVENTS: &str =
    "WHERE e.phase <> 'archived' OR e.version <> e.carried_version OR e.waiting_for <> ''";
/// Those of so many events that it has put away.
pub(in crate::store) fn put_away_of(events: usize) -> String {
    format!("WHERE {PUT_AWAY} AND e.event_id IN ({}) LIMIT ?", list("?", events))
}
/// What the leader has not carried to shard and directory yet.
pub(in crate::store) const CHANGED_EVENTS: &str = "\
    WHERE e.version <> e.carried_version \
      OR (e.phase <> 'archived' AND e.event_id IN (SELECT event_id FROM coupon_changes))";
/// Returned units gather for so long, so that they go on sale once a second at most.
const DUE_CHANGES: &str = "\
    EXISTS (SELECT 1 FROM coupon_changes k WHERE k.event_id = e.event_id \
      AND k.created_at <= UTC_TIMESTAMP(3) - INTERVAL 1 SECOND) AS changes_due";

/// Events with their current arming. `opened_before`: some arming got so far that claims may have
/// been granted.
pub(in crate::store) fn events(which: &str) -> String {
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

pub(in crate::store) const ARMED_EVENTS: &str = "\
    SELECT event_id FROM events \
    WHERE epoch > 0 AND (phase <> 'archived' OR version <> carried_version)";
pub(in crate::store) const LOCK_EVENT: &str = "\
    SELECT epoch, version, stock, per_user_limit FROM events WHERE event_id = ? FOR UPDATE";
pub(in crate::store) const RAISE_EPOCH: &str = "UPDATE events SET epoch = ? WHERE event_id = ?";
pub(in crate::store) const NOTE_CARRIED: &str = "\
    UPDATE events SET carried_version = ?, waiting_for = '' \
    WHERE event_id = ? AND epoch = ? AND version = ?";
pub(in crate::store) const ASK_REARM: &str =
    "UPDATE events SET rearm_asked = ? WHERE event_id = ? AND epoch = ?";
pub(in crate::store) const REARM_ASKED: &str =
    "SELECT rearm_asked FROM events WHERE event_id = ? AND epoch = ?";
pub(in crate::store) const NOTE_WAITING: &str =
    "UPDATE events SET waiting_for = ? WHERE event_id = ?";

// Epochs.

pub(in crate::store) const BEGIN_EPOCH: &str = "\
    INSERT INTO event_epochs (event_id, epoch, step, armer, started_at) \
    VALUES (?, ?, 'fencing', ?, UTC_TIMESTAMP(3))";
pub(in crate::store) const NOTE_ARMING: &str = "\
    UPDATE event_epochs SET step = 'arming', identity = ?, run_id = ?, config_epoch = ? \
    WHERE event_id = ? AND epoch = ? AND armer = ?";
pub(in crate::store) const NOTE_OPENING: &str = "\
    UPDATE event_epochs SET step = 'opening' WHERE event_id = ? AND epoch = ? AND armer = ?";
pub(in crate::store) const NOTE_OPEN: &str = "\
    UPDATE event_epochs SET step = 'open', opened_at = UTC_TIMESTAMP(3) \
    WHERE event_id = ? AND epoch = ? AND step = 'opening'";
/// From here on nobody arms it again.
pub(in crate::store) const NOTE_ARCHIVED: &str = "\
    UPDATE event_epochs SET step = 'archived' \
    WHERE event_id = ? AND epoch = ? AND step = 'open'";
pub(in crate::store) const NOTE_IDENTITY: &str =
    "UPDATE event_epochs SET identity = ? WHERE event_id = ? AND epoch = ?";

/// How so many events stand for records of one partition: the epoch, whether it was united
/// already, and the highest epoch whose marker was read there. Locks the rows of the event and of
/// its epoch, so that no epoch begins and no uniting ends in between.
pub(in crate::store) fn epochs_of_events(events: usize) -> String {
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

pub(in crate::store) const ADD_CUT: &str = "\
    INSERT INTO event_cuts (event_id, part, epoch, kafka_offset) VALUES (?, ?, ?, ?) \
    ON DUPLICATE KEY UPDATE part = part";
pub(in crate::store) const COUNT_CUTS: &str =
    "SELECT COUNT(*) FROM event_cuts WHERE event_id = ? AND epoch = ?";
