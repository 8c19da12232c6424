#!/usr/bin/env bash
# Whether a server answers a path with 200: http_ok.sh HOST PORT PATH. For health checks of
# containers, which have bash and no HTTP client.
set -euo pipefail
exec 3<>"/dev/tcp/$1/$2"
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$3" "$1" >&3
read -r -t 5 _ status _ <&3
[ "$status" = 200 ]
