-- What operators did: one row a change, written in the transaction that makes it.

CREATE TABLE IF NOT EXISTS audit (
  audit_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  -- UTC, on the database's clock.
  happened_at DATETIME(3) NOT NULL,
  -- Name of the API's token, or what the command line was told, else the user of its system.
  who VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL,
  -- cli, api.
  way VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- create, open, pause, ...
  action VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- NULL: it is about no event.
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  -- The event's version that the change made; NULL: it made none.
  version BIGINT UNSIGNED NULL,
  -- What was changed, where it is not the event itself: a coupon, a dead letter.
  subject VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  -- JSON: what stood before and what stands now, of that which changed.
  was TEXT CHARACTER SET utf8mb4 NOT NULL,
  became TEXT CHARACTER SET utf8mb4 NOT NULL,
  why VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
  PRIMARY KEY (audit_id),
  KEY audit_event (event_id, audit_id)
);
