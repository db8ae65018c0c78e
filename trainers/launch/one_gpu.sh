#!/usr/bin/env bash
# Trains on one device: the GPU with the index in GPU, or the CPU of a machine without GPUs.
#
#   trainers/launch/one_gpu.sh DATA RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: the index of the GPU.
GPU="${GPU:-0}"

data="${1:?the data folder}"
run="${2:?the run folder to write}"
shift 2

CUDA_VISIBLE_DEVICES="$GPU" tfmmrec train "$data" --out "$run" --strategy one "$@"
