#!/usr/bin/env bash
# Trains asynchronously on several workers, with the weights on parameter servers: for user and item
# tables that do not fit on one device. By default all tasks are processes of this machine. On several
# machines, run the training command that this script starts once on each, with the TF_CONFIG that it
# prints, adapted to the names of your hosts. DATA and RUN have to be on storage that all tasks share.
#
#   trainers/launch/parameter_servers.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: the addresses of the coordinator, the workers and the parameter servers.
CHIEF="${CHIEF:-localhost:2222}"
WORKERS="${WORKERS:-localhost:2223,localhost:2224}"
SERVERS="${SERVERS:-localhost:2225}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

workers="[\"${WORKERS//,/\", \"}\"]"
servers="[\"${SERVERS//,/\", \"}\"]"
cluster="{\"chief\": [\"$CHIEF\"], \"worker\": $workers, \"ps\": $servers}"
IFS=, read -ra worker_addresses <<< "$WORKERS"
IFS=, read -ra server_addresses <<< "$SERVERS"

processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true' EXIT
start() {
  local config="{\"cluster\": $cluster, \"task\": {\"type\": \"$1\", \"index\": $2}}"
  echo "$1 $2: TF_CONFIG='$config'"
  TF_CONFIG="$config" tfmmrec train "$data" --out "$run" --strategy parameter_server \
    "${@:3}" &
  processes+=("$!")
}

for index in "${!server_addresses[@]}"; do start ps "$index" "$@"; done
for index in "${!worker_addresses[@]}"; do start worker "$index" "$@"; done
start chief 0 "$@"
# The last process is the coordinator; the servers and workers exit when it does.
wait "${processes[-1]}"
