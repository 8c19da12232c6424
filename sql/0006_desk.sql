-- The dead-letter desk: letters are brought again or given up.
--
-- Each statement can be run again. MySQL 8 has no ADD COLUMN IF NOT EXISTS: information_schema says
-- whether there is anything left to do.

-- What became of a letter: united (its event's arming made it a row), replayed (it was brought again
-- and is a row), given_up (an operator discarded it). NULL: it waits, or it was united before there
-- was this column; resolved_at tells.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'dead_letters'
      AND column_name = 'resolution') = 0,
  'ALTER TABLE dead_letters
     ADD COLUMN resolution VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
     ADD COLUMN given_up_by VARCHAR(64) CHARACTER SET utf8mb4 NULL,
     ADD COLUMN given_up_why VARCHAR(255) CHARACTER SET utf8mb4 NULL,
     ADD COLUMN attempts INT UNSIGNED NOT NULL DEFAULT 1,
     ADD COLUMN last_failed_at DATETIME(3) NULL,
     ADD COLUMN replayed_at DATETIME(3) NULL,
     ADD COLUMN record_key VARBINARY(255) NULL,
     ADD COLUMN record_at DATETIME(3) NULL,
     ADD COLUMN request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL',
  'DO 0');
PREPARE change_dead_letters FROM @change;
EXECUTE change_dead_letters;
DEALLOCATE PREPARE change_dead_letters;

-- The desk reads letters in the order in which they came.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'dead_letters'
      AND index_name = 'dead_letters_created') = 0,
  'CREATE INDEX dead_letters_created ON dead_letters (created_at, part, kafka_offset)',
  'DO 0');
PREPARE change_dead_letters FROM @change;
EXECUTE change_dead_letters;
DEALLOCATE PREPARE change_dead_letters;
