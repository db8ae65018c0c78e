#!/usr/bin/env bash
# Trains on several GPUs of this machine. A batch of batch_size events is dealt out to all of them,
# so that more GPUs want a larger one.
#
#   trainers/launch/gpus.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: which GPUs, and the events a step on each.
GPUS="${GPUS:-0,1}"
EACH="${EACH:-1024}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

IFS=, read -ra each_gpu <<< "$GPUS"
CUDA_VISIBLE_DEVICES="$GPUS" tfmmrec train "$data" --out "$run" --strategy mirrored \
  --batch_size $((EACH * ${#each_gpu[@]})) "$@"
