-- The first schema. Valid on MySQL 8 and on MariaDB 10.11.
--
-- `persister migrate` runs the files of this folder in their order, each once, and notes them in
-- schema_migrations. Schema changes do not roll back, so each statement can be run again.
-- Ids compare byte by byte: a case-insensitive collation would merge users.

-- What operators want of each event, and how far the leader has carried it.
CREATE TABLE IF NOT EXISTS events (
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- Units in all.
  stock BIGINT UNSIGNED NOT NULL,
  -- Units that one user may hold.
  per_user_limit INT UNSIGNED NOT NULL,
  -- UTC; NULL: always open.
  opens_at DATETIME(3) NULL,
  -- UTC; NULL: never closes by itself.
  closes_at DATETIME(3) NULL,
  -- scheduled, open, paused, closed, archived.
  phase VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- replica, log.
  confirm VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- Raised by each arming; 0: never armed.
  epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
  -- Raised by each change of an operator, from 1.
  version BIGINT UNSIGNED NOT NULL DEFAULT 1,
  -- The version that shard and directory carry.
  carried_version BIGINT UNSIGNED NOT NULL DEFAULT 0,
  -- What the leader waits for before it can carry more; empty: nothing.
  waiting_for VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  created_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (event_id),
  CONSTRAINT events_stock CHECK (stock >= 1),
  CONSTRAINT events_limit CHECK (per_user_limit >= 1)
);

-- Each arming of an event and how far it got.
CREATE TABLE IF NOT EXISTS event_epochs (
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  -- fencing, arming, opening, open. From opening on claims may have been granted.
  step VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- Token of the arming; the shard carries the same.
  armer VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- master_replid, run_id and config epoch of the master that was armed.
  identity VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  run_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  config_epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
  started_at DATETIME(3) NOT NULL,
  opened_at DATETIME(3) NULL,
  PRIMARY KEY (event_id, epoch)
);

-- Where each epoch's marker stands: behind it, records of older epochs are late.
CREATE TABLE IF NOT EXISTS event_cuts (
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  part INT UNSIGNED NOT NULL,
  epoch BIGINT UNSIGNED NOT NULL,
  kafka_offset BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (event_id, part, epoch)
);

-- Every win.
CREATE TABLE IF NOT EXISTS coupons (
  coupon_id BINARY(16) NOT NULL,
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- Which of the user's wins of the event, from 1; returned ones count.
  user_nth INT UNSIGNED NOT NULL,
  -- Number within the event, from 1; never given twice.
  sequence BIGINT UNSIGNED NOT NULL,
  -- Units.
  quantity INT UNSIGNED NOT NULL,
  -- The event's epoch when the win was granted or shown.
  epoch BIGINT UNSIGNED NOT NULL,
  -- Hash of the Idempotency-Key; NULL: there was none.
  attempt BINARY(16) NULL,
  -- How it stood with its user when it was published: replica, pending, unknown.
  told VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- issued, returned, revoked, withdrawn (revoked, its unit on sale again).
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- Raised by each change of state.
  revision INT UNSIGNED NOT NULL,
  -- UTC; kept for holds that expire.
  expires_at DATETIME(3) NULL,
  -- UTC, on the shard's clock.
  issued_at DATETIME(3) NOT NULL,
  PRIMARY KEY (coupon_id),
  UNIQUE KEY coupons_user (event_id, user_id, user_nth),
  UNIQUE KEY coupons_sequence (event_id, sequence),
  CONSTRAINT coupons_user_nth CHECK (user_nth >= 1),
  CONSTRAINT coupons_from_one CHECK (sequence >= 1),
  CONSTRAINT coupons_quantity CHECK (quantity >= 1)
);

-- How far each partition was read, and who may read it. The rows are made by `persister migrate`.
CREATE TABLE IF NOT EXISTS partitions (
  topic VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  part INT UNSIGNED NOT NULL,
  next_offset BIGINT UNSIGNED NOT NULL DEFAULT 0,
  -- name/token of a persister process; empty: nobody.
  owner VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  -- UTC, on the database's clock.
  lease_until DATETIME(6) NOT NULL DEFAULT '1970-01-01 00:00:00',
  PRIMARY KEY (topic, part)
);

-- Records that cannot become a row. The dead-letter topic had each before this table.
CREATE TABLE IF NOT EXISTS dead_letters (
  topic VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  part INT UNSIGNED NOT NULL,
  kafka_offset BIGINT UNSIGNED NOT NULL,
  -- NULL where the record does not tell.
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  coupon_id BINARY(16) NULL,
  -- undecodable, rejected, late, void, breach.
  reason VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- What was wrong, in a sentence.
  message VARCHAR(1024) CHARACTER SET utf8mb4 NOT NULL,
  -- The record's value; NULL: it had none. One over 64 KiB is cut here and whole in the topic.
  record BLOB NULL,
  created_at DATETIME(3) NOT NULL,
  resolved_at DATETIME(3) NULL,
  PRIMARY KEY (topic, part, kafka_offset),
  KEY dead_letters_event (event_id, resolved_at)
);
