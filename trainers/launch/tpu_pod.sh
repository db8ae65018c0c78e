#!/usr/bin/env bash
# Trains on a slice of a TPU pod: creates it, installs tfmmrec on its hosts, copies the data from gs://
# to the first host, trains on all hosts from there, and copies the run back. Checkpoints are written to
# gs://, so the same command resumes the training on another slice. Encoders cannot be fine-tuned on a
# pod, because only the first host can read the media. Requires gcloud, logged in, with permission to
# create TPUs. Not run on a TPU yet.
#
#   trainers/launch/tpu_pod.sh gs://BUCKET/DATA gs://BUCKET/RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: the name, zone, type and image of the slice, and where pip installs tfmmrec from.
NAME="${NAME:-tfmmrec-pod}"
ZONE="${ZONE:-us-central1-a}"
TYPE="${TYPE:-v3-32}"
IMAGE="${IMAGE:-tpu-vm-tf-2.17.1-pod-pjrt}"
SOURCE="${SOURCE:?where pip installs tfmmrec from, such as git+https://HOST/tfmmrec.git}"

data="${1:?the data folder on gs://}"
run="${2:?the run folder to write on gs://}"
shift 2

gcloud compute tpus tpu-vm create "$NAME" --zone "$ZONE" --accelerator-type "$TYPE" --version "$IMAGE"
gcloud compute tpus tpu-vm ssh "$NAME" --zone "$ZONE" --worker all --command "
  pip install '$SOURCE' 'setuptools<81' 'numpy<2' 'protobuf<5'
"

# The hosts of a pod already run TensorFlow servers; one process drives all of them.
printf -v options '%q ' "$@"
gcloud compute tpus tpu-vm ssh "$NAME" --zone "$ZONE" --worker 0 --command "
  set -e
  mkdir -p data
  gcloud storage cp --recursive '$data/*' data
  export TPU_NAME='$NAME' TPU_LOAD_LIBRARY=0
  python3 -m tfmmrec train data --out run --strategy tpu --checkpoints '$run.checkpoints' --resume $options
  gcloud storage cp --recursive run/* '$run'
"
echo "The TPU costs money until you run: gcloud compute tpus tpu-vm delete $NAME --zone $ZONE"
