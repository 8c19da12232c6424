#!/bin/sh
# Starts a Kafka node, broker and controller in one: start.sh DIRECTORY. At its first start it
# formats the directory.
#
# Environment: NODE_ID, VOTERS, HOST, PORT, CONTROLLER_PORT (see server.properties), CLUSTER_ID (22
# letters, the same for all nodes), JARS (the directory of Kafka's jars), JVM (options, by spaces).
# For clients over TLS besides: TLS_PORT, TLS_KEYSTORE (a PEM file with key and certificates),
# EDGE_PASSWORD and PERSISTER_PASSWORD (see tls.properties; letters and digits).
# CLIENTS_HOST, where that listener is on another network than HOST, may be left out.
set -eu
export DIRECTORY="$1"
here=$(cd "$(dirname "$0")" && pwd)
properties=$DIRECTORY/server.properties

words=$DIRECTORY/format.words
# They may hold passwords, and those of the start before may be readable to others.
rm -f "$properties" "$words"
(
  umask 077
  sh "$here/../fill.sh" "$here/server.properties" \
    NODE_ID VOTERS HOST PORT CONTROLLER_PORT DIRECTORY >"$properties"
  [ -n "${TLS_PORT:-}" ] || exit 0
  export CLIENTS_HOST="${CLIENTS_HOST:-$HOST}"
  sh "$here/../fill.sh" "$here/tls.properties" HOST PORT CONTROLLER_PORT \
    CLIENTS_HOST TLS_PORT TLS_KEYSTORE PERSISTER_PASSWORD >>"$properties"
)

# shellcheck disable=SC2086 # several options
set -- $JVM -cp "$JARS/*"
# Written last, so that a format cut short is made again.
if [ ! -f "$DIRECTORY/data/meta.properties" ]; then
  # Its words come by a file: no list of processes shows the password.
  trap 'rm -f "$words"' EXIT
  (
    umask 077
    echo "kafka.tools.StorageTool format --ignore-formatted"
    echo "--cluster-id $CLUSTER_ID --config \"$properties\""
    [ -z "${TLS_PORT:-}" ] ||
      echo "--add-scram \"SCRAM-SHA-512=[name=edge,password=$EDGE_PASSWORD]\""
  ) >"$words"
  java "$@" "@$words"
  rm "$words"
fi
exec java "$@" kafka.Kafka "$properties"
