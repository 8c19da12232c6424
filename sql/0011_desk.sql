-- The dead-letter desk: where a record that was brought again stands, so that its letter is on its way
-- until its partition was read that far.
--
-- Each statement can be run again, as in 0006_desk.sql.

SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'dead_letters'
      AND column_name = 'replayed_part') = 0,
  'ALTER TABLE dead_letters
     ADD COLUMN replayed_part INT UNSIGNED NULL,
     ADD COLUMN replayed_offset BIGINT UNSIGNED NULL',
  'DO 0');
PREPARE change_dead_letters FROM @change;
EXECUTE change_dead_letters;
DEALLOCATE PREPARE change_dead_letters;

-- Those that wait, in the order in which they came, without a walk over all that are settled.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'dead_letters'
      AND index_name = 'dead_letters_waiting') = 0,
  'CREATE INDEX dead_letters_waiting
     ON dead_letters (topic, resolved_at, created_at, part, kafka_offset)',
  'DO 0');
PREPARE change_dead_letters FROM @change;
EXECUTE change_dead_letters;
DEALLOCATE PREPARE change_dead_letters;

-- Pages of events, the oldest first.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'events'
      AND index_name = 'events_created') = 0,
  'CREATE INDEX events_created ON events (created_at, event_id)',
  'DO 0');
PREPARE change_events FROM @change;
EXECUTE change_events;
DEALLOCATE PREPARE change_events;
