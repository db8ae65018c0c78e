"""Chunks of a table's rows, which can be read by row or by column."""

import abc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.data.tables.arrow_values import is_binary, is_string, is_text, to_python

Row = dict[str, Any]
OnReject = Callable[[int, str | None, str], None]

MAX_CHUNK_ROWS = 1 << 18
_SLICE_ROWS = 1024


class Chunk(abc.ABC):
    """Rows of a table.

    Args:
        numbers: int64 `[rows]`, row numbers in the table, from 1, in ascending order.
    """

    def __init__(self, numbers: np.ndarray):
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @abc.abstractmethod
    def rows(self) -> Iterator[Row]:
        """Yields each row as a mapping from column to value; a BrokenValue has no other form."""

    @abc.abstractmethod
    def coded(self, column: str) -> tuple[np.ndarray, pa.Array | list[Any]]:
        """Dictionary-encodes a column: codes int64 `[rows]`, -1 if absent, and distinct values.

        A value that Python cannot represent is a BrokenValue, as in `rows`.
        """

    def array(self, column: str) -> pa.Array | None:
        """Returns a column as an Arrow array, or None if it is not one."""
        return None


class ArrowChunk(Chunk):
    """Rows in an Arrow record batch."""

    def __init__(self, numbers: np.ndarray, batch: pa.RecordBatch):
        super().__init__(numbers)
        self.batch = batch

    def rows(self) -> Iterator[Row]:
        for start in range(0, len(self), _SLICE_ROWS):
            piece = self.batch.slice(start, _SLICE_ROWS)
            for row in zip(*map(_values, piece.columns), strict=True):
                yield dict(zip(piece.schema.names, row, strict=True))

    def array(self, column: str) -> pa.Array:
        return self.batch[column]

    def coded(self, column: str) -> tuple[np.ndarray, pa.Array | list[Any]]:
        array = self.batch[column]
        kind = array.type
        if not (is_text(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
            return code([none_if_empty(value) for value in to_python(array)])
        coded = pc.dictionary_encode(array)
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        if is_text(kind):
            empty = pc.index(coded.dictionary, pa.scalar(b"", pa.binary()).cast(kind)).as_py()
            codes[codes == empty] = -1
        is_safe = is_binary(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if is_safe or (is_string(kind) and _is_valid(coded.dictionary)):
            return codes, coded.dictionary
        return codes, to_python(coded.dictionary)


def _values(array: pa.Array) -> list[Any]:
    """Converts an array to Python; an empty text is an absent value."""
    values = to_python(array)
    return [value or None for value in values] if is_text(array.type) else values


def _is_valid(texts: pa.Array) -> bool:
    """Whether all texts are valid UTF-8, which the writers of parquet files need not check."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class RowChunk(Chunk):
    """Rows as Python objects.

    Args:
        numbers: int64 `[rows]`, row numbers in the table.
        content: the rows.
        keys: the keys of all rows of the file up to these; a row may lack some.
    """

    def __init__(self, numbers: np.ndarray, content: list[Row], keys: set[str]):
        super().__init__(numbers)
        self.content = content
        self.keys = keys

    def rows(self) -> Iterator[Row]:
        return iter(self.content)

    def coded(self, column: str) -> tuple[np.ndarray, list[Any]]:
        return code([row[column] for row in self.content])


def code(values: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Dictionary-encodes any values; values of different types, such as 1 and True, differ."""
    codes_by_key: dict[Any, int] = {}
    distinct: list[Any] = []
    codes: list[int] = []
    for value in values:
        if value is None:
            codes.append(-1)
            continue
        key = (type(value), repr(value) if isinstance(value, list | dict) else value)
        number = codes_by_key.setdefault(key, len(distinct))
        if number == len(distinct):
            distinct.append(value)
        codes.append(number)
    return np.array(codes, np.int64), distinct


def none_if_empty(value: Any) -> Any:
    """Returns None for an empty text, which is an absent value, and other values unchanged."""
    return None if value == "" or value == b"" else value
