#!/usr/bin/env bash
# Trains on several workers in step. Here they are processes of this machine; on several machines,
# the same command runs once on each, with the TF_CONFIG that is printed and the hosts' own names.
# DATA and RUN have to be on storage that all of them see.
#
#   trainers/launch/workers.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: an address a worker. On several machines: host0:2222,host1:2222
WORKERS="${WORKERS:-localhost:2222,localhost:2223}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

cluster="{\"worker\": [\"${WORKERS//,/\", \"}\"]}"
IFS=, read -ra addresses <<< "$WORKERS"

# Encoders run once, before the workers ask for their outputs.
tfmmrec encode "$data" "$@"

processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true' EXIT
for index in "${!addresses[@]}"; do
  config="{\"cluster\": $cluster, \"task\": {\"type\": \"worker\", \"index\": $index}}"
  echo "worker $index: TF_CONFIG='$config'"
  TF_CONFIG="$config" tfmmrec train "$data" --out "$run" --strategy multiworker "$@" &
  processes+=("$!")
done

# Where one fails, the others are of no use.
for _ in "${processes[@]}"; do
  wait -n
done
