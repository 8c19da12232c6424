#!/bin/sh
# Starts NGINX in a container: start.sh DIRECTORY, where it may write. Environment: LISTEN, PRIVATE,
# EDGES, NGINX, LIMITS (see nginx.conf); where TLS_LISTEN is set and not empty, that and CERTIFICATES
# (see tls.conf). REAL_IP_FROM, if set and not empty: addresses or networks, apart by spaces, of load
# balancers in front, whose X-Forwarded-For is believed.
set -eu
directory=$1
here=$(cd "$(dirname "$0")" && pwd)
LIMITS_SAID=$(sed -n '/^limit_/p' "$LIMITS" | tr -d '$' | tr -s ' \n' ' ')
export LIMITS_SAID
sh "$here/../ops/fill.sh" "$here/nginx.conf" LISTEN PRIVATE EDGES NGINX LIMITS LIMITS_SAID \
  >"$directory/nginx.conf"
if [ -n "${TLS_LISTEN:-}" ]; then
  sh "$here/../ops/fill.sh" "$here/tls.conf" TLS_LISTEN CERTIFICATES >"$directory/tls.conf"
fi
if [ -n "${REAL_IP_FROM:-}" ]; then
  # Unquoted: an address or network each.
  # shellcheck disable=SC2086
  printf 'set_real_ip_from %s;\n' $REAL_IP_FROM >"$directory/realip.conf"
  printf 'real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n' >>"$directory/realip.conf"
fi
# To the container's log.
ln -sf /dev/stdout "$directory/access.log"
# NGINX itself would take the variable for sockets that it inherits.
unset NGINX
exec nginx -p "$directory" -c "$directory/nginx.conf" -e stderr -g 'daemon off;'
