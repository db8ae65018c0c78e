#!/usr/bin/env bash
# Trains, or runs a hyperparameter search, on a TPU VM: creates the VM, installs tfmmrec, copies the data
# from gs://, runs the command, and copies the results back. Checkpoints are written to gs://, and the
# logs and the state of a search are copied there every minute, so the same command resumes on another
# VM after this one is preempted. Requires gcloud, logged in, with permission to create TPUs. Not run on
# a TPU yet.
#
#   trainers/launch/tpu_vm.sh gs://BUCKET/DATA gs://BUCKET/RUN [OPTIONS of tfmmrec train]
#   COMMAND=tune trainers/launch/tpu_vm.sh gs://BUCKET/DATA gs://BUCKET/TUNED [OPTIONS of tfmmrec tune]
set -euo pipefail

# Edit: the name, zone, type and image of the VM, where pip installs tfmmrec from, and the command.
NAME="${NAME:-tfmmrec}"
ZONE="${ZONE:-us-central1-b}"
TYPE="${TYPE:-v3-8}"
IMAGE="${IMAGE:-tpu-vm-tf-2.17.1-pjrt}"
SOURCE="${SOURCE:?where pip installs tfmmrec from, such as git+https://HOST/tfmmrec.git}"
COMMAND="${COMMAND:-train}"

data="${1:?the data folder on gs://}"
out="${2:?the folder to write on gs://}"
shift 2

case "$COMMAND" in
  train) strategy="--strategy tpu --checkpoints '$out.checkpoints'" ;;
  tune) strategy="--train.strategy tpu --train.checkpoints '$out.checkpoints'" ;;
  *) echo "COMMAND must be train or tune. Received: $COMMAND" >&2; exit 2 ;;
esac

gcloud compute tpus tpu-vm create "$NAME" --zone "$ZONE" --accelerator-type "$TYPE" --version "$IMAGE"

# The TensorFlow of the image supports the TPU, so it is kept. Data is read from the VM's disk.
printf -v options '%q ' "$@"
gcloud compute tpus tpu-vm ssh "$NAME" --zone "$ZONE" --command "
  set -e
  pip install '$SOURCE' 'setuptools<81' 'numpy<2' 'protobuf<5'
  mkdir -p data out.partial
  gcloud storage cp --recursive '$data/*' data
  gcloud storage rsync --recursive '$out.partial' out.partial || rmdir out.partial
  while sleep 60; do
    test ! -d out.partial || gcloud storage rsync --recursive out.partial '$out.partial'
  done &
  copying=\$!
  trap 'kill \$copying' EXIT
  TPU_NAME=local python3 -m tfmmrec $COMMAND data --out out $strategy --resume $options
  gcloud storage cp --recursive out/* '$out'
"
echo "The TPU costs money until you run: gcloud compute tpus tpu-vm delete $NAME --zone $ZONE"
