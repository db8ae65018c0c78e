"""The values of inputs and outputs in JSON: strings, bytes in base64, numbers, null."""

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.errors import TfmmrecError

_BYTES_SUFFIX = "_bytes"
# The bits of an integer that a float represents exactly. TensorFlow Serving rejects longer ones
# unless they are written as decimals, or do not fit into 64 bits and are read as decimals anyway.
_WHOLE_BITS = {tf.float32: 24, tf.float64: 53}
_WHOLE = range(-(2**63), 2**64)


class BadRequest(TfmmrecError):
    """An invalid request; the message names the keys to correct.

    Args:
        message: all problems in one line.
        problems: the same for programs, a JSON object for each input with a problem.
    """

    def __init__(self, message: str, problems: Sequence[dict[str, Any]] = ()):
        super().__init__(message)
        self.problems = list(problems)


def absent_value(dtype: tf.DType) -> Any:
    """Returns the value of an absent string or float; None for other types, which have none."""
    return "" if dtype == tf.string else math.nan if dtype.is_floating else None


def fill_rows(rows: Any, spec: tf.TensorSpec, absent: Any, length: int = 0) -> Any:
    """Replaces the rows of an input that are null by absent values.

    Args:
        rows: a list with the value of each row; other values are returned as they are.
        spec: the type and shape of the input.
        absent: the value of an absent element.
        length: the least number of values in a list that replaces null; it has as many as the
            longest of the other lists, or as the shape of the input demands.
    """
    rank = spec.shape.rank
    if not isinstance(rows, list) or rank not in (1, 2) or None not in rows or absent is None:
        return rows
    if rank == 1:
        return [absent if row is None else row for row in rows]
    longest = max([length, *(len(row) for row in rows if isinstance(row, list))])
    nothing = [absent] * (spec.shape[1] or longest)
    return [nothing if row is None else row for row in rows]


def to_array(name: str, value: Any, spec: tf.TensorSpec, absent: Any = None) -> np.ndarray:
    """Converts the JSON value of an input to an array.

    Args:
        name: the input, for messages.
        value: nested lists of strings, `{"b64": …}`, numbers, booleans and null.
        spec: the type and shape of the input.
        absent: the value for null; None if null is refused.

    Raises:
        BadRequest: the value has another type or shape.
    """
    shape = _shape(value)
    if not spec.shape.is_compatible_with(shape):
        raise BadRequest(f"{name}: the shape {spec.shape} is needed. Received: {tuple(shape)}")
    leaves: list[Any] = []
    _flatten(name, value, shape, leaves)
    if absent is not None:
        leaves = [absent if leaf is None else leaf for leaf in leaves]
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


def is_b64(value: Any) -> bool:
    """Whether a JSON value is bytes in base64."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _to_bytes(name: str, value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise BadRequest(f"{name}: {value!a} is half a character") from None
    if not is_b64(value):
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


def to_json(name: str, value: np.ndarray) -> Any:
    """Converts an output to JSON; NaN and infinite numbers, which JSON has not, are null."""
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


def _shortest(value: np.floating) -> float | None:
    return float(str(value)) if np.isfinite(value) else None
