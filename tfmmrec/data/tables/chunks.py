"""Many rows of a table at once, to be read by rows or by columns."""

import abc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]
OnReject = Callable[[int, str | None, str], None]

MAX_CHUNK_ROWS = 1 << 18
_ROWS_AT_A_TIME = 1024


class Chunk(abc.ABC):
    """Rows of a table.

    Args:
        numbers: int64 `[rows]`, the rows' numbers in the table, from 1. Rows that came out of a
            broken one carry its number.
    """

    def __init__(self, numbers: np.ndarray):
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @abc.abstractmethod
    def rows(self) -> Iterator[Row]:
        """Yields the rows as values by column."""

    @abc.abstractmethod
    def coded(self, column: str) -> tuple[np.ndarray, pa.Array | list[Any]]:
        """Returns a column as codes, int64 `[rows]`, into its distinct values; -1 is absent."""

    def array(self, column: str) -> pa.Array | None:
        """Returns a column as Arrow has it, or None where it has not."""
        return None


class ArrowChunk(Chunk):
    """Rows in Arrow's columns."""

    def __init__(self, numbers: np.ndarray, batch: pa.RecordBatch):
        super().__init__(numbers)
        self.batch = batch

    def rows(self) -> Iterator[Row]:
        for start in range(0, len(self), _ROWS_AT_A_TIME):
            for row in self.batch.slice(start, _ROWS_AT_A_TIME).to_pylist():
                yield {name: none_if_empty(value) for name, value in row.items()}

    def array(self, column: str) -> pa.Array:
        return self.batch[column]

    def coded(self, column: str) -> tuple[np.ndarray, pa.Array | list[Any]]:
        array = self.batch[column]
        if pa.types.is_nested(array.type):
            return code([none_if_empty(value) for value in array.to_pylist()])
        coded = pc.dictionary_encode(array)
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            empty = pc.index(coded.dictionary, "").as_py()
            codes[codes == empty] = -1
        return codes, coded.dictionary


class RowChunk(Chunk):
    """Rows as Python objects."""

    def __init__(self, numbers: np.ndarray, content: list[Row]):
        super().__init__(numbers)
        self.content = content

    def rows(self) -> Iterator[Row]:
        return iter(self.content)

    def coded(self, column: str) -> tuple[np.ndarray, list[Any]]:
        return code([row[column] for row in self.content])


def code(values: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Codes any values; equal ones of different types, 1 and True, stay apart."""
    found: dict[Any, int] = {}
    padded_unique: list[Any] = []
    codes = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        if value is None:
            codes[row] = -1
            continue
        key = (type(value), repr(value) if isinstance(value, list | dict) else value)
        at = found.setdefault(key, len(padded_unique))
        if at == len(padded_unique):
            padded_unique.append(value)
        codes[row] = at
    return codes, padded_unique


def none_if_empty(value: Any) -> Any:
    """Reads an empty text as an absent value."""
    return None if value == "" or value == b"" else value
