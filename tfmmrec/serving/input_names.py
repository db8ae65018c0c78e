"""The inputs of an exported model by the names of features, which may be any text.

TensorFlow makes the inputs of a signature from the parameters of a Python function, so it rejects
a name such as `Book Title` or `class`, and confuses `a b` with `a_b`. So the functions are exported
with parameters of plain names, and the inputs of the SavedModel's signatures, which TensorFlow
Serving and `ServedModel` read, are renamed after the features.
"""

import copy
import keyword
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfmmrec.data.storage import atomic_write
from tfmmrec.modalities import Modality

SAVED_MODEL = "saved_model.pb"

# The inputs that are no features, of this version and of later ones, and `b64`, which marks bytes
# in requests of TensorFlow Serving's REST API.
_RESERVED = (
    *("history", "history_time", "history_kind", "dislikes", "exclude", "only", "allow", "deny"),
    *("user", "item", "k", "offset", "diversity", "weights", "b64"),
)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MAX_READABLE = 40


class ServedInputs(NamedTuple):
    """How the values of requests are named.

    Attributes:
        users: the input of each user feature.
        items: the input of each item feature.
        parameters: the parameter, by input, of the Python functions that become signatures.
    """

    users: Mapping[str, str]
    items: Mapping[str, str]
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, items: Collection[str], users: Collection[str]) -> "ServedInputs":
        """Names the inputs of all item and user features that a model reads.

        User features are `user_NAME`, and item features are inputs by their names, except that
        one with the name of another input is `item_NAME`.
        """
        user_inputs = {name: f"user_{name}" for name in users}
        item_inputs = {name: _item_input(name, items) for name in items}
        inputs = [*_RESERVED, *user_inputs.values(), *item_inputs.values()]
        return cls(user_inputs, item_inputs, parameter_names(inputs))

    def specs(
        self, inputs: Mapping[str, str], modalities: Mapping[str, Modality]
    ) -> dict[str, tf.TensorSpec]:
        """The specs of `users` or `items` by parameter."""
        parameters = {name: self.parameters[key] for name, key in inputs.items()}
        return {parameters[name]: modalities[name].signature(parameters[name]) for name in inputs}

    def features(
        self, inputs: Mapping[str, str], values: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """The values of `users` or `items` by feature, from values by parameter."""
        return {name: values[self.parameters[key]] for name, key in inputs.items()}


def _item_input(feature: str, features: Collection[str]) -> str:
    name = feature
    while name in _RESERVED or (name != feature and name in features):
        name = f"item_{name}"
    return name


def parameter_names(inputs: Iterable[str]) -> dict[str, str]:
    """Returns the parameter of each input: its own name if Python and TensorFlow accept it.

    Two parameters always differ by more than letter case, which TensorFlow ignores in the names of
    a graph.
    """
    inputs = list(dict.fromkeys(inputs))
    parameters: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(inputs, key=lambda name: not _is_parameter(name)):
        readable = re.sub(r"[^A-Za-z0-9_]", "_", name)[:_MAX_READABLE]
        plain = name if _is_parameter(name) else readable if _is_parameter(readable) else "input"
        parameter, number = plain, 1
        while parameter.lower() in taken:
            number += 1
            parameter = f"{plain}_{number}"
        parameters[name] = parameter
        taken.add(parameter.lower())
    return parameters


def _is_parameter(name: str) -> bool:
    # `self` is the parameter of the methods by which TensorFlow calls functions.
    return bool(_PLAIN.fullmatch(name)) and not keyword.iskeyword(name) and name != "self"


def rename_inputs(folder: Path, parameters: Mapping[str, str]) -> None:
    """Renames the inputs of all signatures of a SavedModel from their parameters to `parameters`.

    Args:
        folder: the folder with saved_model.pb.
        parameters: as returned by `parameter_names`.
    """
    names = {parameter: name for name, parameter in parameters.items() if name != parameter}
    if not names:
        return
    saved = read_saved_model(folder)
    for signature in saved.meta_graphs[0].signature_def.values():
        inputs = copy.deepcopy(dict(signature.inputs))
        signature.inputs.clear()
        for parameter, info in inputs.items():
            signature.inputs[names.get(parameter, parameter)].CopyFrom(info)
    with atomic_write(folder / SAVED_MODEL) as file:
        file.write(saved.SerializeToString())
    # It has the checksum of the earlier content; TensorFlow does without it.
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def read_saved_model(folder: Path) -> saved_model_pb2.SavedModel:
    """Reads saved_model.pb."""
    return saved_model_pb2.SavedModel.FromString((folder / SAVED_MODEL).read_bytes())


def input_specs(folder: Path) -> dict[str, dict[str, tf.TensorSpec]]:
    """Returns the inputs of each signature of a SavedModel: shape, type, and as name the parameter.

    Args:
        folder: the folder with saved_model.pb.
    """
    signatures = read_saved_model(folder).meta_graphs[0].signature_def
    return {
        name: {
            # TensorFlow names the tensor of an input SIGNATURE_PARAMETER:0.
            key: tf.TensorSpec(
                tf.TensorShape(info.tensor_shape),
                tf.as_dtype(info.dtype),
                info.name.removeprefix(f"{name}_").partition(":")[0],
            )
            for key, info in signature.inputs.items()
        }
        for name, signature in signatures.items()
    }
