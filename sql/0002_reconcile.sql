-- Reconcile: what its runs found, and events that it wants armed again.
--
-- Each statement can be run again. MySQL 8 has no ADD COLUMN IF NOT EXISTS: information_schema says
-- whether there is anything left to do.

-- The epoch that is to be armed again, because the shard lacks something or counts it wrongly; the
-- leader begins the next epoch where it is the event's own. 0: none was ever asked for.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'events' AND column_name = 'rearm_asked') = 0,
  'ALTER TABLE events ADD COLUMN rearm_asked BIGINT UNSIGNED NOT NULL DEFAULT 0',
  'DO 0');
PREPARE change_events FROM @change;
EXECUTE change_events;
DEALLOCATE PREPARE change_events;

-- Each run of `persister reconcile`.
CREATE TABLE IF NOT EXISTS reconciliations (
  run_id BINARY(16) NOT NULL,
  -- report, repair.
  mode VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- NULL: every event that was armed and is not archived.
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  started_at DATETIME(3) NOT NULL,
  -- NULL: it runs, or it was cut short.
  ended_at DATETIME(3) NULL,
  -- Events that it looked at.
  events INT UNSIGNED NOT NULL DEFAULT 0,
  -- Those of them that it could not judge; the report says why.
  not_judged INT UNSIGNED NOT NULL DEFAULT 0,
  -- What it found, of every kind; dead letters are explained and not counted.
  differences BIGINT UNSIGNED NOT NULL DEFAULT 0,
  -- Wins that it published again.
  published BIGINT UNSIGNED NOT NULL DEFAULT 0,
  -- Events that it asked to be armed again.
  rearms_asked INT UNSIGNED NOT NULL DEFAULT 0,
  -- JSON: each event with a difference, its kinds, counts and the first offenders.
  report MEDIUMTEXT CHARACTER SET utf8mb4 NULL,
  PRIMARY KEY (run_id),
  KEY reconciliations_started (started_at)
);

-- Wins without a row are looked up here by their coupon.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'dead_letters'
      AND index_name = 'dead_letters_coupon') = 0,
  'CREATE INDEX dead_letters_coupon ON dead_letters (coupon_id)',
  'DO 0');
PREPARE change_dead_letters FROM @change;
EXECUTE change_dead_letters;
DEALLOCATE PREPARE change_dead_letters;
