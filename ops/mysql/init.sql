-- The database and those who log in to it: the tables' owner, who migrates, dumps and restores; and
-- persisters, who read and write rows and can neither make nor drop a table. rig has it run at each
-- start, the MySQL image at the first one. Both fill in:
--   CLIENTS              the addresses that they come from
--   OWNER_PASSWORD, PERSISTER_PASSWORD    letters and digits: they are part of URLs
--   PERSISTER_TLS        SSL: a persister that does not come over TLS is refused; or NONE
CREATE DATABASE IF NOT EXISTS firstcome CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'firstcome'@'${CLIENTS}' IDENTIFIED BY '${OWNER_PASSWORD}';
GRANT ALL PRIVILEGES ON firstcome.* TO 'firstcome'@'${CLIENTS}';
CREATE USER IF NOT EXISTS 'persister'@'${CLIENTS}' IDENTIFIED BY '${PERSISTER_PASSWORD}';
-- Of one who was there before, too.
ALTER USER 'persister'@'${CLIENTS}' REQUIRE ${PERSISTER_TLS};
GRANT SELECT, INSERT, UPDATE, DELETE ON firstcome.* TO 'persister'@'${CLIENTS}';
