#!/bin/sh
# Makes the topics of topics.conf: topics.sh BROKER:PORT. Leaves those that are there as they are, so
# it may be run again. Environment: JARS and JVM, as for start.sh.
set -eu
broker=$1
here=$(cd "$(dirname "$0")" && pwd)

grep -v -e '^#' -e '^[[:space:]]*$' "$here/topics.conf" |
  while read -r name partitions replicas settings; do
    # shellcheck disable=SC2086 # several options
    set -- $JVM -cp "$JARS/*" org.apache.kafka.tools.TopicCommand --bootstrap-server "$broker" \
      --create --if-not-exists --topic "$name" \
      --partitions "$partitions" --replication-factor "$replicas"
    for setting in $settings; do
      set -- "$@" --config "$setting"
    done
    java "$@" </dev/null
  done
