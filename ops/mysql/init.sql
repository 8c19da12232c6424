-- The database and the user whom the programs log in as. rig has it run at each start, the MySQL
-- image at the first one. Both fill in:
--   CLIENTS  the addresses that they come from    PASSWORD  letters and digits: it is part of a URL
CREATE DATABASE IF NOT EXISTS firstcome CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'firstcome'@'${CLIENTS}' IDENTIFIED BY '${PASSWORD}';
GRANT ALL PRIVILEGES ON firstcome.* TO 'firstcome'@'${CLIENTS}';
