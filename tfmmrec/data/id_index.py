"""Ids and their rows, many at a time, in Arrow's memory: some 16 bytes and the text an id."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class IdIndex:
    """Ids in the order of their rows.

    Args:
        ids: the first ones, all different.
    """

    def __init__(self, ids: Iterable[str] = ()):
        self._array = pa.array(list(ids), pa.large_string())

    def __len__(self) -> int:
        return len(self._array)

    def rows(self, ids: list[str] | pa.Array) -> np.ndarray:
        """Returns the rows of some ids, int64 `[ids]`; -1 for one that is unknown."""
        found = pc.index_in(pa.array(ids, pa.large_string()), value_set=self._array)
        return found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def extend(self, ids: list[str] | pa.Array) -> None:
        """Appends ids, none of which is there yet."""
        more = pa.array(ids, pa.large_string())
        self._array = pa.concat_arrays([self._array, more])

    def take(self, rows: np.ndarray) -> list[str]:
        """Returns the ids of some rows."""
        return self._array.take(pa.array(rows, pa.int64())).to_pylist()

    def from_row(self, row: int) -> list[str]:
        """Returns the ids from a row on."""
        return self._array.slice(row).to_pylist()
