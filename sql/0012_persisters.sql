-- Persisters that run, whether they lead or stand by: each says so every few seconds. Whoever prepares
-- a sale sees which there are, and whether they understand each other.

CREATE TABLE IF NOT EXISTS persisters (
  name VARCHAR(90) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- As contract::formats() says them.
  formats VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  -- UTC, on the database's clock.
  seen_at DATETIME(3) NOT NULL,
  PRIMARY KEY (name)
);
