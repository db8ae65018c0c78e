#!/usr/bin/env bash
# Runs a hyperparameter search on several workers, each of which trains one trial at a time, and a chief
# that proposes the trials. By default all are processes of this machine. On several machines, run this
# command once on each, with the same CHIEF: with ROLE=chief on the chief's machine (ROLE=all if it
# trains as well) and ROLE=worker on the others. DATA and OUT have to be on storage that all machines
# share.
#
#   trainers/launch/tuners.sh DATA OUT [OPTIONS of tfmmrec tune]
#   CHIEF=host0:8300 ROLE=worker WORKERS=4 GPUS=0,1,2,3 trainers/launch/tuners.sh DATA OUT …
#
# If a worker dies, another one takes over its trial. To resume after the chief was stopped, run the same
# command with --resume.
set -euo pipefail

# Edit: the address of the chief; the role of this machine; the number of its workers; their GPUs, one
# per worker, or none to train on CPUs.
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
  # The chief does not train, so it sees no GPU. It listens on all of its addresses.
  listen="$KERASTUNER_ORACLE_IP"
  if [[ "$listen" != localhost ]]; then listen=0.0.0.0; fi
  KERASTUNER_TUNER_ID=chief KERASTUNER_ORACLE_IP="$listen" CUDA_VISIBLE_DEVICES= \
    tfmmrec tune "$data" --out "$out" "$@" &
  chief="$!"
fi
if [[ "$ROLE" != chief ]]; then
  for ((index = 0; index < WORKERS; index++)); do
    # Keras Tuner takes any process whose id contains "chief" for the chief.
    export KERASTUNER_TUNER_ID="${host//chief/}-$index"
    if ((${#gpus[@]})); then export CUDA_VISIBLE_DEVICES="${gpus[index % ${#gpus[@]}]}"; fi
    tfmmrec tune "$data" --out "$out" "$@" &
    workers+=("$!")
  done
fi

# If the chief has failed, end now: its workers would wait for it for a long time.
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
# If all workers of a single machine have failed, its chief would wait forever.
if ((failed && failed == ${#workers[@]})); then
  echo "all workers failed; fix the cause and run again with --resume" >&2
  exit 1
fi
if [[ -n "$chief" ]]; then wait "$chief"; fi
