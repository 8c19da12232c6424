-- Runs of reconcile: who began them, and how much they held side by side.

SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'reconciliations'
      AND column_name = 'started_by') = 0,
  'ALTER TABLE reconciliations
     ADD COLUMN started_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
       DEFAULT ''command'',
     ADD COLUMN wins BIGINT UNSIGNED NOT NULL DEFAULT 0,
     ADD COLUMN rows_compared BIGINT UNSIGNED NOT NULL DEFAULT 0,
     ADD COLUMN in_flight BIGINT UNSIGNED NOT NULL DEFAULT 0,
     ADD COLUMN dead_lettered BIGINT UNSIGNED NOT NULL DEFAULT 0,
     ADD COLUMN given_up BIGINT UNSIGNED NOT NULL DEFAULT 0',
  'DO 0');
PREPARE change_reconciliations FROM @change;
EXECUTE change_reconciliations;
DEALLOCATE PREPARE change_reconciliations;
