#!/usr/bin/env bash
# Trains on a TPU VM: makes it, installs tfmmrec, copies the data from gs://, trains, and copies the
# run back. Needs gcloud, logged in, and the right to make TPUs. Not tried on a TPU yet.
#
#   trainers/launch/tpu_vm.sh gs://BUCKET/DATA gs://BUCKET/RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: the name, where it is, what it is, and where tfmmrec is installed from.
NAME="${NAME:-tfmmrec}"
ZONE="${ZONE:-us-central1-b}"
TYPE="${TYPE:-v3-8}"
IMAGE="${IMAGE:-tpu-vm-tf-2.17.1-pjrt}"
SOURCE="${SOURCE:?where pip finds tfmmrec, such as git+https://HOST/tfmmrec.git}"

data="${1:?the data folder on gs://}"
run="${2:?the run folder to write on gs://}"
shift 2

gcloud compute tpus tpu-vm create "$NAME" --zone "$ZONE" --accelerator-type "$TYPE" --version "$IMAGE"

# The image's own TensorFlow knows the TPU, and is kept. Data is read from the VM's disk.
printf -v options '%q ' "$@"
gcloud compute tpus tpu-vm ssh "$NAME" --zone "$ZONE" --command "
  set -e
  pip install '$SOURCE' 'setuptools<81' 'numpy<2' 'protobuf<5'
  mkdir -p data
  gcloud storage cp --recursive '$data/*' data
  TPU_NAME=local python3 -m tfmmrec.cli train data --out run --strategy tpu $options
  gcloud storage cp --recursive run/* '$run'
"
echo "The TPU costs money until: gcloud compute tpus tpu-vm delete $NAME --zone $ZONE"
