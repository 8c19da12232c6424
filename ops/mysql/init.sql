-- Run by the server at each start.
CREATE DATABASE IF NOT EXISTS firstcome CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'firstcome'@'127.0.0.1' IDENTIFIED BY 'firstcome';
GRANT ALL PRIVILEGES ON firstcome.* TO 'firstcome'@'127.0.0.1';
