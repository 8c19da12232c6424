-- Users whose data is to be replaced by a pseudonym. What stands in their rows, letters and reports is
-- replaced once an event is archived; what is asked for is kept until nothing can bring them back.

CREATE TABLE IF NOT EXISTS erasures (
  erasure_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  -- NULL: it was forgotten, since nothing is left to replace.
  user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  -- UTC, on the database's clock; asked again, it is the later time. Events that were made since are
  -- left alone.
  asked_at DATETIME(3) NOT NULL,
  -- As in audit.
  who VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL,
  way VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  why VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  -- When it was last looked for what is left; NULL: not yet.
  looked_at DATETIME(3) NULL,
  forgotten_at DATETIME(3) NULL,
  -- Replaced so far.
  coupons BIGINT UNSIGNED NOT NULL DEFAULT 0,
  letters BIGINT UNSIGNED NOT NULL DEFAULT 0,
  reports BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (erasure_id),
  UNIQUE KEY erasures_user (user_id)
);
