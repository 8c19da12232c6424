#!/bin/sh
# Joins Redis nodes that answer, and know nobody yet, to a cluster in which each master has one
# replica: join.sh HOST:PORT... . Leaves a cluster that is there as it is, so it may be run again.
# Environment: OPERATOR_PASSWORD; and TLS_AUTHORITIES (a PEM file) where the ports are those for TLS.
set -eu
export REDISCLI_AUTH="$OPERATOR_PASSWORD"
cli() {
  redis-cli ${TLS_AUTHORITIES:+--tls --cacert "$TLS_AUTHORITIES"} --user operator --no-auth-warning "$@"
}
for node in "$@"; do
  if cli -h "${node%:*}" -p "${node##*:}" cluster info | grep -q '^cluster_slots_assigned:16384'; then
    echo "join.sh: $node is in a cluster that has all slots"
    exit 0
  fi
done
cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
