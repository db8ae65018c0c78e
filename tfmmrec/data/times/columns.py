"""The values of a time column as Arrow gives them: typed times, numbers or texts."""

import dataclasses
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.text import quote, to_utf8


@dataclasses.dataclass
class TimeColumn:
    """A part of a time column; one of the three kinds of values is given.

    Attributes:
        times: an Arrow array of dates or timestamps, or None.
        numbers: float64 `[n]`, NaN if absent, or None.
        texts: an Arrow array of strings without blanks around, null if absent, or None.
        reasons: by position, why a value is no time, whatever the format is.
    """

    times: pa.Array | None = None
    numbers: np.ndarray | None = None
    texts: pa.Array | None = None
    reasons: dict[int, str] = dataclasses.field(default_factory=dict)

    def written(self, row: int) -> str:
        """Returns a value as it stands in the table."""
        if self.texts is not None:
            return str(self.texts[row].as_py())
        number = float(self.numbers[row]) if self.numbers is not None else math.nan
        return str(int(number)) if number.is_integer() else str(number)

    def as_texts(self) -> pa.Array:
        """Returns numbers as texts, without `.0`; texts unchanged."""
        if self.numbers is None:
            return self.texts
        is_absent = np.isnan(self.numbers)
        if (np.floor(self.numbers) == self.numbers)[~is_absent].all():
            whole = np.where(is_absent, 0, self.numbers).astype(np.int64)
            return pa.array(whole, mask=is_absent).cast(pa.string())
        written = [None if n != n else self.written(i) for i, n in enumerate(self.numbers)]
        return pa.array(written, pa.string())


def time_column(values: pa.Array | list[Any]) -> TimeColumn:
    """Sorts the values of a column by their kind.

    Args:
        values: an Arrow array of any type, or Python values such as JSON has, `[n]`.
    """
    if not isinstance(values, pa.Array):
        array = _of_one_type(values)
        return _of_objects(values) if array is None else time_column(array)
    kind = values.type
    if pa.types.is_dictionary(kind):
        return time_column(values.dictionary_decode())
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return TimeColumn(times=values)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = pc.cast(values, pa.float64(), safe=False)
        # NaN is absent here, but a mistake in a table.
        column = TimeColumn(numbers=numbers.to_numpy(zero_copy_only=False))
        for row in np.flatnonzero(pc.is_nan(numbers).fill_null(False)).tolist():
            column.reasons[row] = "not a finite number: NaN"
        return column
    if pa.types.is_null(kind):
        return TimeColumn(texts=pa.nulls(len(values), pa.string()))
    try:
        return TimeColumn(texts=_trimmed(_as_strings(values)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _of_objects(values.to_pylist())


def _as_strings(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_string(kind):
        return values.cast(pa.string())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    raise pa.ArrowNotImplementedError(str(kind))


def _trimmed(texts: pa.Array) -> pa.Array:
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _of_one_type(values: list[Any]) -> pa.Array | None:
    """Returns Python values as an array of numbers or texts; None if they are anything else."""
    kinds = {*map(type, values)} - {type(None)}
    if not (kinds <= {int, float} or kinds == {str}):
        return None
    try:
        return pa.array(values, pa.string() if kinds == {str} else pa.float64())
    except (pa.ArrowException, UnicodeError, OverflowError):
        return None


def _of_objects(values: list[Any]) -> TimeColumn:
    texts: list[str | None] = []
    reasons: dict[int, str] = {}
    for row, value in enumerate(values):
        text = None
        if isinstance(value, bool | list | dict | tuple):
            reasons[row] = f"not a time: {quote(value)}"
        elif isinstance(value, float) and math.isnan(value):
            reasons[row] = "not a finite number: NaN"
        elif isinstance(value, float) and value.is_integer():
            text = str(int(value))
        elif value is not None:
            try:
                text = to_utf8(value).decode("utf-8")
            except BrokenValue as error:
                reasons[row] = str(error)
        texts.append(text)
    return TimeColumn(texts=_trimmed(pa.array(texts, pa.string())), reasons=reasons)
