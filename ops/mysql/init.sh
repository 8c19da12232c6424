#!/bin/sh
# Runs init.sql, filled, at the first start of the MySQL image, which calls what it finds in
# /docker-entrypoint-initdb.d. Environment: what init.sql has filled in
# (PERSISTER_TLS may be left out), and the image's own.
set -eu
export PERSISTER_TLS="${PERSISTER_TLS:-NONE}"
ops=/etc/firstcome/ops
sh "$ops/fill.sh" "$ops/mysql/init.sql" CLIENTS OWNER_PASSWORD PERSISTER_PASSWORD PERSISTER_TLS |
  MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root --protocol=socket
