#!/bin/sh
# Starts NGINX in a container: start.sh DIRECTORY, where it may write. Environment: LISTEN, PRIVATE,
# EDGES, NGINX, LIMITS (see nginx.conf).
set -eu
directory=$1
here=$(cd "$(dirname "$0")" && pwd)
LIMITS_SAID=$(sed -n '/^limit_/p' "$LIMITS" | tr -d '$' | tr -s ' \n' ' ')
export LIMITS_SAID
sh "$here/../ops/fill.sh" "$here/nginx.conf" LISTEN PRIVATE EDGES NGINX LIMITS LIMITS_SAID \
  >"$directory/nginx.conf"
# To the container's log.
ln -sf /dev/stdout "$directory/access.log"
# NGINX itself would take the variable for sockets that it inherits.
unset NGINX
exec nginx -p "$directory" -c "$directory/nginx.conf" -e stderr -g 'daemon off;'
