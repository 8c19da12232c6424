#!/bin/sh
# Starts a Redis node of the cluster: start.sh DIRECTORY [redis-server options].
#
# A node that was a master and comes back at once makes its replica copy what the crash forgot, wins
# that were told included. So it waits, before it starts, until a peer says that its slots have
# another master, or that it has no replica that could take over; 30 s at most. A first start, a
# replica and a master without slots start at once.
#
# Environment: what users.conf has filled in, DEFAULT and a password each for EDGE, PERSISTER, NODE
# and OPERATOR. No file and no list of processes shows them. For TLS besides: TLS_PORT, and TLS_CERTIFICATE,
# TLS_KEY and TLS_AUTHORITIES (PEM files). Clients may use it, and nodes talk to each other over it alone.
set -eu

WAIT_AT_MOST_S=30
ASK_TIMEOUT_S=1

directory=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$directory"

# Not the clock of the wall: that one may be set while we wait.
uptime_s() {
  read -r uptime _ </proc/uptime
  echo "${uptime%%.*}"
}

# "id first-slot config-epoch" of this node, where it is a master with slots. Lines of nodes.conf:
# id address flags master ping pong config-epoch link slot...
own_shard() {
  awk '$3 ~ /myself/ && $3 ~ /master/ && $9 ~ /^[0-9]/ { split($9, slots, "-"); print $1, slots[1], $7 }' nodes.conf
}

# "host port" of every other node that has an address.
peers() {
  awk '$1 != "vars" && $3 !~ /myself|noaddr/ {
    sub(/@.*/, "", $2)
    host = $2; port = $2
    sub(/:[0-9]*$/, "", host); sub(/.*:/, "", port)
    if (port > 0) print host, port
  }' nodes.conf
}

# What the CLUSTER NODES of a peer says of the node $1, its slot $2 and its config epoch $3:
# "moved" (another master owns the slot by a higher epoch), "alone" (no replica could take over),
# or "wait".
verdict() {
  awk -v me="$1" -v slot="$2" -v epoch="$3" '
    $3 ~ /slave/ && $4 == me && $3 !~ /noaddr/ {
      # fail? is the suspicion of one node; only fail is agreed on.
      failed = 0
      n = split($3, flags, ",")
      for (i = 1; i <= n; i++) if (flags[i] == "fail") failed = 1
      if (!failed) replicas++
    }
    $3 ~ /master/ && $1 != me && $7 > epoch {
      for (i = 9; i <= NF; i++) {
        n = split($i, range, "-")
        last = n > 1 ? range[2] : range[1]
        if ($i !~ /^\[/ && slot >= range[1] + 0 && slot <= last + 0) moved = 1
      }
    }
    $1 == me { known = 1 }
    END { print moved ? "moved" : known && !replicas ? "alone" : "wait" }'
}

ask() {
  host=$1 port=$2
  shift 2
  REDISCLI_AUTH=$NODE_PASSWORD timeout "$ASK_TIMEOUT_S" \
    redis-cli ${TLS_PORT:+--tls --cacert "$TLS_AUTHORITIES"} --user node --no-auth-warning -h "$host" -p "$port" "$@" 2>/dev/null
}

# Asks every peer once; prints why this node may start, or nothing. A higher epoch is proof, whoever
# tells it. "No replica" is not: a peer that is cut off may say what was true long ago, and one that
# has not heard of a new replica yet knows none; so nobody may know of one, the replica least of all.
reason_to_start() {
  alone='' replica=''
  while read -r host port; do
    [ "$(uptime_s)" -lt "$deadline" ] || return 0
    nodes=$(ask "$host" "$port" cluster nodes) || continue
    case $(echo "$nodes" | verdict "$@") in
      moved)
        echo "$host:$port says that the slots moved"
        return
        ;;
      alone)
        ask "$host" "$port" cluster info | grep -q '^cluster_state:ok' && alone=$host:$port
        ;;
      *) replica=$host:$port ;;
    esac
  done <<PEERS
$(peers)
PEERS
  [ -n "$replica" ] || [ -z "$alone" ] || echo "$alone says that no replica could take over"
}

wait_for_the_others() {
  deadline=$(($(uptime_s) + WAIT_AT_MOST_S))
  echo "start.sh: was master of slot $2; waiting for its replica to take over"
  while [ "$(uptime_s)" -lt "$deadline" ]; do
    reason=$(reason_to_start "$@")
    if [ -n "$reason" ]; then
      echo "start.sh: $reason; starting"
      return
    fi
    sleep 0.2
  done
  echo "start.sh: waited $WAIT_AT_MOST_S s; starting"
}

# A disk that was full may leave a command cut in two in the middle of the append-only file, and the
# server refuses to load such a file for ever. What comes behind it is dropped: the other node has
# it, and no node that was restarted answers for an event before the leader has armed it again.
mend() {
  for manifest in appendonlydir/*.manifest; do
    [ -f "$manifest" ] || continue
    redis-check-aof "$manifest" >/dev/null 2>&1 && continue
    echo "start.sh: the append-only file is damaged; dropping what comes behind"
    # It asks before it cuts. Where it cannot mend, the server refuses to start and says why.
    yes | redis-check-aof --fix "$manifest" >/dev/null ||
      echo "start.sh: the append-only file could not be mended"
  done
}

if [ -f nodes.conf ]; then
  shard=$(own_shard)
  if [ -n "$shard" ] && [ -n "$(peers)" ]; then
    # shellcheck disable=SC2086 # three words on purpose
    wait_for_the_others $shard
  fi
fi
mend

# Read from standard input: a full disk does not keep a node from starting.
users=$(sh "$here/../fill.sh" "$here/users.conf" \
  DEFAULT EDGE_PASSWORD PERSISTER_PASSWORD NODE_PASSWORD OPERATOR_PASSWORD)
if [ -n "${TLS_PORT:-}" ]; then
  # Who a client is, its password says.
  set -- "$@" --tls-port "$TLS_PORT" --tls-cert-file "$TLS_CERTIFICATE" --tls-key-file "$TLS_KEY" \
    --tls-ca-cert-file "$TLS_AUTHORITIES" --tls-auth-clients no --tls-replication yes --tls-cluster yes
fi
exec redis-server "$here/redis.conf" --dir "$directory" "$@" - <<CONFIG
$users
masteruser node
masterauth $NODE_PASSWORD
CONFIG
