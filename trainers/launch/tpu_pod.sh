#!/usr/bin/env bash
# Trains on a slice of a TPU pod: makes it, installs tfmmrec on its hosts, copies the data from
# gs:// to the first, trains from there on all, and copies the run back. Checkpoints are written to
# gs://, and the same command goes on with them on another pod. Encoders are not trained on a pod,
# whose hosts cannot ask the first for pictures. Needs gcloud, logged in, and the right to make TPUs.
# Not tried on a TPU yet.
#
#   trainers/launch/tpu_pod.sh gs://BUCKET/DATA gs://BUCKET/RUN [OPTIONS of tfmmrec train]
set -euo pipefail

# Edit: the name, where it is, what it is, and where tfmmrec is installed from.
NAME="${NAME:-tfmmrec-pod}"
ZONE="${ZONE:-us-central1-a}"
TYPE="${TYPE:-v3-32}"
IMAGE="${IMAGE:-tpu-vm-tf-2.17.1-pod-pjrt}"
SOURCE="${SOURCE:?where pip finds tfmmrec, such as git+https://HOST/tfmmrec.git}"

data="${1:?the data folder on gs://}"
run="${2:?the run folder to write on gs://}"
shift 2

gcloud compute tpus tpu-vm create "$NAME" --zone "$ZONE" --accelerator-type "$TYPE" --version "$IMAGE"
gcloud compute tpus tpu-vm ssh "$NAME" --zone "$ZONE" --worker all --command "
  pip install '$SOURCE' 'setuptools<81' 'numpy<2' 'protobuf<5'
"

# The hosts of a pod run TensorFlow's servers by themselves; one process asks them all.
printf -v options '%q ' "$@"
gcloud compute tpus tpu-vm ssh "$NAME" --zone "$ZONE" --worker 0 --command "
  set -e
  mkdir -p data
  gcloud storage cp --recursive '$data/*' data
  export TPU_NAME='$NAME' TPU_LOAD_LIBRARY=0
  python3 -m tfmmrec train data --out run --strategy tpu --checkpoints '$run.checkpoints' --resume $options
  gcloud storage cp --recursive run/* '$run'
"
echo "The TPU costs money until: gcloud compute tpus tpu-vm delete $NAME --zone $ZONE"
