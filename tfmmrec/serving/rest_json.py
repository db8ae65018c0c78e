"""JSON bodies of TensorFlow Serving's REST API, decoded to arrays and encoded from them.

A request has its rows under `instances`, as a list of values or of objects by input, or its columns
under `inputs`; the response has `predictions` or `outputs`, respectively. A single output has no
name. Strings may be given as {"b64": ...}; outputs with names that end in `_bytes` are sent in this
form. https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.errors import TfmmrecError

# The inputs of each signature.
Signatures = Mapping[str, Mapping[str, tf.TensorSpec]]
_BYTES_SUFFIX = "_bytes"
# The bits of an integer that a float represents exactly. TensorFlow Serving rejects longer ones
# unless they are written as decimals, or do not fit into 64 bits and are read as decimals anyway.
_WHOLE_BITS = {tf.float32: 24, tf.float64: 53}
_WHOLE = range(-(2**63), 2**64)


class BadRequest(TfmmrecError):
    """An invalid request; the message names the key to correct."""


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """A decoded request.

    Attributes:
        signature: the name of the signature.
        inputs: one array per input.
        by_row: whether the request has `instances`, and its response `predictions`.
    """

    signature: str
    inputs: Mapping[str, np.ndarray]
    by_row: bool


def decode_request(body: bytes, signatures: Signatures) -> PredictRequest:
    """Decodes the body of a predict request.

    Args:
        body: JSON in UTF-8.
        signatures: the input specs of each signature.

    Raises:
        BadRequest: the body is not JSON, or does not match the signature.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise BadRequest("the body must be a JSON object with 'instances' or 'inputs'")
    name = request.get("signature_name") or "serving_default"
    if not isinstance(name, str) or name not in signatures:
        raise BadRequest(f"signature_name: no {name!r} here; there are {', '.join(signatures)}")
    if ("instances" in request) == ("inputs" in request):
        raise BadRequest("give one of 'instances' (rows) and 'inputs' (columns)")
    by_row = "instances" in request
    specs = signatures[name]
    values = _columns(request["instances"], specs) if by_row else _named(request["inputs"], specs)
    inputs = {key: _to_array(key, values[key], spec) for key, spec in specs.items()}
    return PredictRequest(name, inputs, by_row)


def encode_response(outputs: Mapping[str, np.ndarray], *, by_row: bool) -> dict[str, Any]:
    """Encodes outputs as the JSON object of a response.

    Args:
        outputs: the outputs of a signature.
        by_row: whether the request had `instances`.

    Raises:
        BadRequest: the outputs do not have the same number of rows, which `instances` needs.
    """
    columns = {name: _to_json(name, value) for name, value in outputs.items()}
    single = next(iter(columns)) if len(columns) == 1 else None
    if not by_row:
        return {"outputs": columns if single is None else columns[single]}
    if len({value.shape[:1] for value in outputs.values()} - {()}) != 1 or any(
        value.ndim == 0 for value in outputs.values()
    ):
        raise BadRequest(f"the outputs {', '.join(outputs)} share no rows; ask with 'inputs'")
    if single is not None:
        return {"predictions": columns[single]}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def _columns(instances: Any, specs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Converts rows to one list per input."""
    if not isinstance(instances, list) or not instances:
        raise BadRequest("instances: must be a list of at least one row")
    rows = []
    for number, instance in enumerate(instances):
        try:
            rows.append(_named(instance, specs))
        except BadRequest as error:
            raise BadRequest(f"instances[{number}]: {error}") from None
    return {name: [row[name] for row in rows] for name in specs}


def _named(value: Any, specs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the value of each input; with a single input, its name may be omitted."""
    if not isinstance(value, dict) or _is_b64(value):
        if len(specs) != 1:
            raise BadRequest(f"an object with the inputs {', '.join(specs)} is needed")
        return dict.fromkeys(specs, value)
    for name in specs:
        if name not in value:
            raise BadRequest(f"the input {name!r} is missing")
    for name in value:
        if name not in specs:
            raise BadRequest(f"no input {name!r} here; there are {', '.join(specs)}")
    return value


def _to_array(name: str, value: Any, spec: tf.TensorSpec) -> np.ndarray:
    shape = _shape(value)
    if not spec.shape.is_compatible_with(shape):
        raise BadRequest(f"{name}: the shape {spec.shape} is needed. Received: {tuple(shape)}")
    leaves: list[Any] = []
    _flatten(name, value, shape, leaves)
    flat: Any
    if spec.dtype == tf.string:
        flat = np.empty([len(leaves)], object)
        flat[:] = [_to_bytes(name, leaf) for leaf in leaves]
    else:
        flat = _to_numbers(name, leaves, spec.dtype)
    return flat.reshape(shape)


def _shape(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _flatten(name: str, value: Any, shape: Sequence[int], leaves: list[Any]) -> None:
    if not shape:
        if isinstance(value, list):
            raise BadRequest(f"{name}: ragged: a list stands where the first row has a value")
        leaves.append(value)
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        found = f"a list of {len(value)}" if isinstance(value, list) else "a value"
        raise BadRequest(
            f"{name}: ragged: {found} beside a list of {shape[0]}; pad the rows to one length"
        )
    for inner in value:
        _flatten(name, inner, shape[1:], leaves)


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _to_bytes(name: str, value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise BadRequest(f"{name}: {value!a} is half a character") from None
    if not _is_b64(value):
        raise BadRequest(f'{name}: a string or {{"b64": ...}} is needed. Received: {value!r:.60}')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"{name}: b64: {error}") from None


def _to_numbers(name: str, values: list[Any], dtype: tf.DType) -> np.ndarray:
    kinds = (bool,) if dtype == tf.bool else (int, float) if dtype.is_floating else (int,)
    for value in values:
        if not isinstance(value, kinds) or isinstance(value, bool) != (dtype == tf.bool):
            raise BadRequest(f"{name}: a value of {dtype.name} is needed. Received: {value!r:.60}")
        if not _in_range(value, dtype):
            raise BadRequest(f"{name}: {value!r:.60} is out of the range of {dtype.name}")
        if not _is_exact(value, dtype):
            raise BadRequest(
                f"{name}: {dtype.name} keeps whole numbers of {_WHOLE_BITS[dtype]} bits; write "
                f"{value}.0 if it may be rounded. Received: {value}"
            )
    return np.array(values, dtype.as_numpy_dtype)


def _in_range(value: float, dtype: tf.DType) -> bool:
    if dtype == tf.bool or (isinstance(value, float) and not math.isfinite(value)):
        return True
    # Python compares its integers and floats exactly.
    return np.asarray(dtype.min).item() <= value <= np.asarray(dtype.max).item()


def _is_exact(value: float, dtype: tf.DType) -> bool:
    """Whether the type represents a value that is written as an integer exactly."""
    if not isinstance(value, int) or dtype not in _WHOLE_BITS or value not in _WHOLE:
        return True
    return abs(value) < 2 ** _WHOLE_BITS[dtype]


def _to_json(name: str, value: np.ndarray) -> Any:
    encode: Callable[[Any], Any]
    if value.dtype.kind in "OSU":
        encode = _to_b64 if name.endswith(_BYTES_SUFFIX) else _to_text
    elif value.dtype.kind == "f":
        # The shortest decimals that parse to the same float, as TensorFlow Serving writes them.
        encode = _shortest
    else:
        return value.tolist()
    encoded = np.empty(value.size, object)
    encoded[:] = [encode(leaf) for leaf in value.ravel()]
    return encoded.reshape(value.shape).tolist()


def _to_b64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def _to_text(value: bytes) -> str:
    return value.decode(errors="replace")


def _shortest(value: np.floating) -> float:
    return float(str(value))
