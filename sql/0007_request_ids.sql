-- The id of the request that won a coupon, from NGINX's log to its row.
--
-- NULL: the win was published by somebody who did not know it (the relay, reconcile, an arming). The
-- record that comes first makes the row; one that comes again changes nothing.

SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'coupons' AND column_name = 'request_id') = 0,
  'ALTER TABLE coupons
     ADD COLUMN request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL',
  'DO 0');
PREPARE change_coupons FROM @change;
EXECUTE change_coupons;
DEALLOCATE PREPARE change_coupons;
