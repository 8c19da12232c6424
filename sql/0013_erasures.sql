-- Erasures: when each is looked at again, and what its last whole look has seen.
--
-- Can be run again. MySQL 8 has no ADD COLUMN IF NOT EXISTS: information_schema says whether there
-- is anything left to do.

-- looked_at is the last look at rows, letters and reports alike; NULL: not yet. put_away: how many
-- events had been put away then. next_look_at: when the leader looks next, whatever came of the look
-- before; NULL: at once.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'erasures' AND column_name = 'next_look_at') = 0,
  'ALTER TABLE erasures
     ADD COLUMN put_away BIGINT UNSIGNED NOT NULL DEFAULT 0,
     ADD COLUMN next_look_at DATETIME(3) NULL',
  'DO 0');
PREPARE change_erasures FROM @change;
EXECUTE change_erasures;
DEALLOCATE PREPARE change_erasures;
