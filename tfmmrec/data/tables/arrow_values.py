"""Converts Arrow values to Python; one that Python cannot represent affects no other value."""

import itertools
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.errors import BrokenValue

_NS_PER_MS = 1_000_000


def readable(array: pa.Array) -> pa.Array:
    """Converts an array to a type that can be dictionary-encoded and converted to Python.

    Times with nanoseconds are rounded to milliseconds, as the records store them, and times of any
    zone are written in UTC. Arrays of other plain types are returned unchanged.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return readable(array.storage)
    if pa.types.is_dictionary(kind):
        return readable(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return readable(pc.run_end_decode(array))
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_timestamp(kind):
        array = _rounded(array) if kind.unit == "ns" else array
        return array.cast(pa.timestamp(array.type.unit, "UTC")) if kind.tz else array
    if (pa.types.is_time64(kind) or pa.types.is_duration(kind)) and kind.unit == "ns":
        coarse = pa.time64("us") if pa.types.is_time64(kind) else pa.duration("us")
        return array.cast(coarse, safe=False)
    if str(kind) in ("string_view", "binary_view"):
        return array.cast(pa.large_string() if str(kind) == "string_view" else pa.large_binary())
    return array


def _rounded(times: pa.Array) -> pa.Array:
    # Divided with a remainder from 0 on, since Arrow divides toward zero, and without adding
    # half a unit first, which overflows near the bounds.
    nanoseconds = times.cast(pa.int64())
    quotient = pc.divide(nanoseconds, _NS_PER_MS)
    rest = pc.subtract(nanoseconds, pc.multiply(quotient, _NS_PER_MS))
    up = pc.greater_equal(rest, _NS_PER_MS // 2).cast(pa.int64())
    down = pc.less(rest, -_NS_PER_MS // 2).cast(pa.int64())
    milliseconds = pc.subtract(pc.add(quotient, up), down)
    return milliseconds.cast(pa.timestamp("ms", times.type.tz))


def to_python(array: pa.Array) -> list[Any]:
    """Converts an array to a list; a value that cannot be converted becomes a BrokenValue."""
    try:
        return _to_list(array)
    except (ValueError, OverflowError, ArithmeticError, pa.ArrowException):
        return [_to_python(value) for value in array]


def _to_list(array: pa.Array) -> list[Any]:
    """Converts an array like `to_pylist`, but texts, numbers and lists of them much faster."""
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        members = iter(_to_list(array.flatten()))
        lengths = pc.list_value_length(array).to_pylist()
        return [None if n is None else list(itertools.islice(members, n)) for n in lengths]
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    # NumPy has no integers with missing ones among them.
    if is_text(kind) or (is_number and not array.null_count):
        return array.to_numpy(zero_copy_only=False).tolist()
    return array.to_pylist()


def is_text(kind: pa.DataType) -> bool:
    """Whether values of an Arrow type are texts, or bytes of any length such as those of csv."""
    return is_string(kind) or is_binary(kind)


def is_string(kind: pa.DataType) -> bool:
    """Whether values of an Arrow type are texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def is_binary(kind: pa.DataType) -> bool:
    """Whether values of an Arrow type are bytes of any length."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _to_python(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        return BrokenValue(f"not valid UTF-8 at byte {error.start + 1}")
    except (ValueError, OverflowError, ArithmeticError, pa.ArrowException):
        pass
    kind = value.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        unit = "days" if pa.types.is_date32(kind) else getattr(kind, "unit", "ms")
        number = value.cast(pa.int32() if pa.types.is_date32(kind) else pa.int64()).as_py()
        return BrokenValue(f"a time outside the years 1 to 9999: {number} {unit} from 1970 on")
    return BrokenValue(f"a value of type {kind} that cannot be read")
