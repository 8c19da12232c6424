-- Events have labels: words of their operators, which nothing else reads.
--
-- Can be run again. MySQL 8 has no ADD COLUMN IF NOT EXISTS: information_schema says whether there
-- is anything left to do.

-- JSON: an object of texts.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'events' AND column_name = 'labels') = 0,
  'ALTER TABLE events ADD COLUMN labels VARCHAR(5120) CHARACTER SET utf8mb4 NOT NULL DEFAULT ''{}''',
  'DO 0');
PREPARE change_events FROM @change;
EXECUTE change_events;
DEALLOCATE PREPARE change_events;
