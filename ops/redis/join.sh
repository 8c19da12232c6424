#!/bin/sh
# Joins Redis nodes that answer, and know nobody yet, to a cluster in which each master has one
# replica: join.sh HOST:PORT... . Leaves a cluster that is there as it is, so it may be run again.
# Environment: OPERATOR_PASSWORD.
set -eu
export REDISCLI_AUTH="$OPERATOR_PASSWORD"
for node in "$@"; do
  if redis-cli --user operator --no-auth-warning -h "${node%:*}" -p "${node##*:}" cluster info | grep -q '^cluster_slots_assigned:16384'; then
    echo "join.sh: $node is in a cluster that has all slots"
    exit 0
  fi
done
exec redis-cli --user operator --no-auth-warning --cluster create "$@" --cluster-replicas 1 --cluster-yes
