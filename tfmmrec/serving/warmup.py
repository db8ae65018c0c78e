"""Warm-up requests, which TensorFlow Serving runs before it serves a version."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

WARMUP = "assets.extra/tf_serving_warmup_requests"

# A signature's name and its inputs.
Request = tuple[str, Mapping[str, np.ndarray]]


def write_warmup(version_dir: Path, model_name: str, requests: list[Request]) -> None:
    """Writes requests as an uncompressed TFRecord file of PredictionLog messages.

    Args:
        version_dir: the folder of the version.
        model_name: the name of the model in requests.
        requests: signatures and inputs.
    """
    path = version_dir / WARMUP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())


def read_warmup(version_dir: Path) -> list[Request]:
    """Reads the requests of a version."""
    requests: list[Request] = []
    for record in tf.data.TFRecordDataset(str(version_dir / WARMUP)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        requests.append((request.model_spec.signature_name, inputs))
    return requests
