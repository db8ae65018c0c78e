#!/usr/bin/env bash
# Trains on one device: the GPU that GPU names, or the CPU where there is none.
#
#   trainers/launch/one_gpu.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: which GPU.
GPU="${GPU:-0}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

CUDA_VISIBLE_DEVICES="$GPU" tfmmrec train "$data" --out "$run" --strategy one "$@"
