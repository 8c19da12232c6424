#!/bin/sh
# Starts a Kafka node, broker and controller in one: start.sh DIRECTORY. At its first start it
# formats the directory.
#
# Environment: NODE_ID, VOTERS, HOST, PORT, CONTROLLER_PORT (see server.properties), CLUSTER_ID (22
# letters, the same for all nodes), JARS (the directory of Kafka's jars), JVM (options, by spaces).
set -eu
export DIRECTORY="$1"
here=$(cd "$(dirname "$0")" && pwd)
properties=$DIRECTORY/server.properties

sh "$here/../fill.sh" "$here/server.properties" \
  NODE_ID VOTERS HOST PORT CONTROLLER_PORT DIRECTORY >"$properties"

# shellcheck disable=SC2086 # several options
set -- $JVM -cp "$JARS/*"
# Written last, so that a format cut short is made again.
if [ ! -f "$DIRECTORY/data/meta.properties" ]; then
  java "$@" kafka.tools.StorageTool format --ignore-formatted \
    --cluster-id "$CLUSTER_ID" --config "$properties"
fi
exec java "$@" kafka.Kafka "$properties"
