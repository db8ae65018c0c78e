"""An index of ids to rows in Arrow memory: about 16 bytes per id, besides its text."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class IdIndex:
    """An index from ids to rows, looked up many at a time.

    Args:
        ids: the first ids, all distinct.
    """

    def __init__(self, ids: Iterable[str] = ()):
        self._array = pa.array(list(ids), pa.large_string())

    def __len__(self) -> int:
        return len(self._array)

    def rows(self, ids: list[str] | pa.Array) -> np.ndarray:
        """Returns the rows of some ids, int64 `[ids]`; -1 for unknown ones."""
        found = pc.index_in(pa.array(ids, pa.large_string()), value_set=self._array)
        return found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def extend(self, ids: list[str] | pa.Array) -> None:
        """Appends distinct ids that are not in the index."""
        more = pa.array(ids, pa.large_string())
        self._array = pa.concat_arrays([self._array, more])

    def take(self, rows: np.ndarray) -> list[str]:
        """Returns the ids of some rows."""
        return self._array.take(pa.array(rows, pa.int64())).to_pylist()

    def from_row(self, row: int) -> list[str]:
        """Returns the ids of a row and all later rows."""
        return self._array.slice(row).to_pylist()
