#!/usr/bin/env bash
# Searches on several workers, each of which trains one trial after the other, and a chief that says
# what to try. By default all are processes of this machine. On several machines, the same command
# runs once on each, with the same CHIEF, with ROLE=chief on that one (ROLE=all, where it trains
# too) and ROLE=worker on the others. DATA and OUT have to be on storage that all of them see.
#
#   trainers/launch/tuners.sh DATA OUT [OPTIONS of tfmmrec tune]
#   CHIEF=host0:8300 ROLE=worker WORKERS=4 GPUS=0,1,2,3 trainers/launch/tuners.sh DATA OUT …
#
# A worker that dies loses its trial to another. After the chief was stopped: the same with --resume.
set -euo pipefail

# Edit: where the chief listens; what this machine does; how many workers it has; their GPUs, one a
# worker, and none for CPUs.
CHIEF="${CHIEF:-localhost:8300}"
ROLE="${ROLE:-all}"
WORKERS="${WORKERS:-2}"
GPUS="${GPUS:-}"

data="${1:?the data folder}"
out="${2:?the folder to write}"
shift 2

export KERASTUNER_ORACLE_IP="${CHIEF%:*}" KERASTUNER_ORACLE_PORT="${CHIEF##*:}"
IFS=, read -ra gpus <<< "$GPUS"
host="$(hostname)"

chief=""
workers=()
trap 'kill $chief "${workers[@]}" 2>/dev/null || true' EXIT

if [[ "$ROLE" != worker ]]; then
  # The chief trains nothing, and leaves the GPUs alone. Others ask it by any of its addresses.
  listen="$KERASTUNER_ORACLE_IP"
  if [[ "$listen" != localhost ]]; then listen=0.0.0.0; fi
  KERASTUNER_TUNER_ID=chief KERASTUNER_ORACLE_IP="$listen" CUDA_VISIBLE_DEVICES= \
    tfmmrec tune "$data" --out "$out" "$@" &
  chief="$!"
fi
if [[ "$ROLE" != chief ]]; then
  for ((index = 0; index < WORKERS; index++)); do
    # A name with "chief" in it would make a chief of a worker.
    export KERASTUNER_TUNER_ID="${host//chief/}-$index"
    if ((${#gpus[@]})); then export CUDA_VISIBLE_DEVICES="${gpus[index % ${#gpus[@]}]}"; fi
    tfmmrec tune "$data" --out "$out" "$@" &
    workers+=("$!")
  done
fi

# Workers would wait long for a chief that failed.
while [[ -n "$chief" ]] && ((${#workers[@]})) && kill -0 "${workers[@]}" 2>/dev/null; do
  if ! kill -0 "$chief" 2>/dev/null; then
    wait "$chief"
    break
  fi
  sleep 0.5
done
failed=0
for worker in "${workers[@]}"; do
  wait "$worker" || failed=$((failed + 1))
done
# Without any of its own, the chief of a single machine would wait for ever.
if ((failed && failed == ${#workers[@]})); then
  echo "all workers failed; mend that, and go on with --resume" >&2
  exit 1
fi
if [[ -n "$chief" ]]; then wait "$chief"; fi
