#!/usr/bin/env bash
# Trains synchronously on several workers. By default they are processes of this machine. On several
# machines, run the training command that this script starts once on each, with the TF_CONFIG that it
# prints, adapted to the names of your hosts. DATA and RUN have to be on storage that all workers share.
#
#   trainers/launch/workers.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: one address per worker. On several machines: host0:2222,host1:2222
WORKERS="${WORKERS:-localhost:2222,localhost:2223}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

cluster="{\"worker\": [\"${WORKERS//,/\", \"}\"]}"
IFS=, read -ra addresses <<< "$WORKERS"

# Encode once before the workers start; otherwise each of them would encode.
tfmmrec encode "$data" "$@"

processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true' EXIT
for index in "${!addresses[@]}"; do
  config="{\"cluster\": $cluster, \"task\": {\"type\": \"worker\", \"index\": $index}}"
  echo "worker $index: TF_CONFIG='$config'"
  TF_CONFIG="$config" tfmmrec train "$data" --out "$run" --strategy multiworker "$@" &
  processes+=("$!")
done

# If one worker fails, stop: the others cannot continue without it.
for _ in "${processes[@]}"; do
  wait -n
done
