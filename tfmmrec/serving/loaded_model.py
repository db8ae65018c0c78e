"""The newest version of an exported model, loaded into this process."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from tfmmrec.data.plain_paths import plain_path
from tfmmrec.errors import DataError
from tfmmrec.serving.input_facts import read_facts
from tfmmrec.serving.input_names import input_specs, read_saved_model
from tfmmrec.serving.request_content import graph_cannot_read, pack_content
from tfmmrec.serving.rest_json import PredictRequest
from tfmmrec.serving.rest_values import BadRequest
from tfmmrec.serving.version_folder import newest_version
from tfmmrec.serving.warmup import WARMUP, read_warmup


class ServedModel:
    """The newest version in the folder of an exported model.

    Args:
        model_dir: the folder of the model, MODELS/NAME.

    Attributes:
        name: the name of the folder.
        version: the number of the version.
        metadata: the signatures, in the form of TensorFlow Serving's metadata.
        signatures: the input specs of each signature.
        facts: what signatures.json says of the inputs of each signature; empty without it.
        warmup: the first warm-up request of each signature, its inputs by name.

    Raises:
        DataError: the folder has no version, or the version does not load.
    """

    def __init__(self, model_dir: Path):
        self.name = Path(model_dir).resolve().name
        folder = newest_version(Path(model_dir))
        self.version = int(folder.name)
        try:
            self.metadata = _read_signature_defs(folder)
            specs = input_specs(folder)
            self.facts = read_facts(folder)
            requests = read_warmup(folder) if (folder / WARMUP).exists() else []
            self.warmup = {name: dict(inputs) for name, inputs in reversed(requests)}
            self._model = tf.saved_model.load(plain_path(folder))
        except Exception as error:  # TensorFlow raises many kinds
            raise DataError(f"{folder}: does not load: {error_message(error)}") from None
        # In alphabetical order, since those of a protobuf map have none.
        self.signatures = {
            name: dict(sorted(specs[name].items())) for name in self._model.signatures
        }

    def predict(self, request: PredictRequest) -> dict[str, np.ndarray]:
        """Runs a signature; texts, pictures and sounds are packed like those of items before.

        Args:
            request: the name of the signature and its inputs.

        Returns:
            The outputs by name.

        Raises:
            BadRequest: a text, picture or sound cannot be decoded, or TensorFlow rejects the
                inputs.
        """
        values = pack_content(request, self.facts.get(request.signature, {}))
        specs = self.signatures[request.signature]
        inputs = {
            specs[name].name: tf.constant(value, specs[name].dtype)
            for name, value in values.items()
        }
        try:
            outputs = self._model.signatures[request.signature](**inputs)
        except tf.errors.InvalidArgumentError as error:
            reason = error_message(error) + graph_cannot_read(values)
            raise BadRequest(f"{request.signature}: {reason}") from None
        return {name: np.asarray(value.numpy()) for name, value in outputs.items()}

    def outputs(self, signature: str) -> dict[str, tf.TensorSpec]:
        """Returns the type and shape of each output of a signature."""
        return {
            name: tf.TensorSpec(value.shape, value.dtype)
            for name, value in self._model.signatures[signature].structured_outputs.items()
        }


def _read_signature_defs(folder: Path) -> dict[str, Any]:
    return {
        name: json_format.MessageToDict(
            signature, preserving_proto_field_name=True, including_default_value_fields=True
        )
        for name, signature in read_saved_model(folder).meta_graphs[0].signature_def.items()
    }


def error_message(error: Exception) -> str:
    """Returns the message of a TensorFlow error in one line, without the nodes of the graph."""
    message = getattr(error, "message", None) or str(error)
    lines = [line for line in message.splitlines() if line.strip()]
    has_nodes = any(line.startswith("Detected at node") for line in lines)
    # "Graph execution error:", the nodes, then the error itself and a count.
    return " ".join(lines[-2:-1] if has_nodes and len(lines) > 2 else lines[:1])
