#!/usr/bin/env bash
# Trains, or searches, on a TPU VM: makes it, installs tfmmrec, copies the data from gs://, works, and
# copies the results back. Checkpoints are written to gs://, logs and what a search knows are copied
# there every minute, and the same command goes on with them on another VM, after this one was taken
# away. Needs gcloud, logged in, and the right to make TPUs. Not tried on a TPU yet.
#
#   trainers/launch/tpu_vm.sh gs://BUCKET/DATA gs://BUCKET/RUN [OPTIONS of tfmmrec train]
#   COMMAND=tune trainers/launch/tpu_vm.sh gs://BUCKET/DATA gs://BUCKET/TUNED [OPTIONS of tfmmrec tune]
set -euo pipefail

# Edit: the name, where it is, what it is, where tfmmrec is installed from, and what it does.
NAME="${NAME:-tfmmrec}"
ZONE="${ZONE:-us-central1-b}"
TYPE="${TYPE:-v3-8}"
IMAGE="${IMAGE:-tpu-vm-tf-2.17.1-pjrt}"
SOURCE="${SOURCE:?where pip finds tfmmrec, such as git+https://HOST/tfmmrec.git}"
COMMAND="${COMMAND:-train}"

data="${1:?the data folder on gs://}"
out="${2:?the folder to write on gs://}"
shift 2

case "$COMMAND" in
  train) strategy="--strategy tpu --checkpoints '$out.checkpoints'" ;;
  tune) strategy="--train.strategy tpu --train.checkpoints '$out.checkpoints'" ;;
  *) echo "COMMAND is train or tune" >&2; exit 2 ;;
esac

gcloud compute tpus tpu-vm create "$NAME" --zone "$ZONE" --accelerator-type "$TYPE" --version "$IMAGE"

# The image's own TensorFlow knows the TPU, and is kept. Data is read from the VM's disk.
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
echo "The TPU costs money until: gcloud compute tpus tpu-vm delete $NAME --zone $ZONE"
