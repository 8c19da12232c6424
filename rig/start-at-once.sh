#!/bin/sh
# Starts a Redis node without the wait of ops/redis/start.sh, with the same arguments. Only to show
# that the fault suite sees what that wait is for: ./dev faults --without redis-wait.
set -eu
directory=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
exec redis-server "$here/ops/redis/redis.conf" --dir "$directory" "$@"
