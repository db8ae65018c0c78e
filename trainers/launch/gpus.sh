#!/usr/bin/env bash
# Trains on several GPUs of this machine. Each batch of batch_size events is split between the GPUs, so
# use a larger batch with more GPUs.
#
#   trainers/launch/gpus.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: the GPUs, and the number of events per step and GPU.
GPUS="${GPUS:-0,1}"
EACH="${EACH:-1024}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

IFS=, read -ra each_gpu <<< "$GPUS"
CUDA_VISIBLE_DEVICES="$GPUS" tfmmrec train "$data" --out "$run" --strategy mirrored \
  --batch_size $((EACH * ${#each_gpu[@]})) "$@"
