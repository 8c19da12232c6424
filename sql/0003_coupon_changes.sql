-- Changes of coupons by operators that Redis does not have yet.

-- Written in the transaction that changes the coupon's row; gone once the shard has it.
CREATE TABLE IF NOT EXISTS coupon_changes (
  event_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  coupon_id BINARY(16) NOT NULL,
  -- The coupon's revision with this change.
  revision INT UNSIGNED NOT NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (event_id, coupon_id)
);
