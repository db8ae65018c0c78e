"""Hints at ids that two tables write in different ways: 3 and 3.0, 007 and 7, A1 and a1."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.data.id_index import IdIndex


class IdHints:
    """Finds the item that an unknown id may mean. Ids are matched exactly; this is advice only.

    Args:
        items: the item ids.
    """

    def __init__(self, items: IdIndex):
        self.items = items
        self._given = False

    def of(self, ids: pa.Array, unknown: np.ndarray) -> dict[int, str]:
        """Returns a hint for the first unknown id that has one; nothing after that.

        Args:
            ids: ids `[ids]`.
            unknown: the positions of the unknown ones, in the order of the table, with repeats.

        Returns:
            The hint by position in `ids`.
        """
        if self._given or not len(self.items):
            return {}
        _, first = np.unique(unknown, return_index=True)
        positions = unknown[np.sort(first)]
        found = similar_id(self.items.from_row(0), ids.take(pa.array(positions)))
        if found is None:
            return {}
        self._given = True
        position, name = found
        return {int(positions[position]): f" (the item table has {name!r})"}


def similar_id(known: Collection[str], ids: Collection[str] | pa.Array) -> tuple[int, str] | None:
    """Finds the first id that a known id resembles.

    Args:
        known: the known ids.
        ids: unknown ids, `[ids]`.

    Returns:
        The position in `ids`, and the known id; None if no id resembles a known one.
    """
    names = pa.array(known, pa.large_string())
    asked = _simplified(pa.array(ids, pa.large_string()))
    rows = pc.index_in(asked, value_set=_simplified(names))
    similar = np.flatnonzero(rows.is_valid().to_numpy(zero_copy_only=False))
    if not len(similar):
        return None
    return int(similar[0]), names[rows[int(similar[0])].as_py()].as_py()


def _simplified(ids: pa.Array) -> pa.Array:
    """Removes what tables of the same ids write differently."""
    ids = pc.utf8_lower(
        pc.replace_substring_regex(ids.cast(pa.large_string()), r"""[\s"'`]+""", "")
    )
    ids = pc.replace_substring_regex(ids, r"^0+(\d)", r"\1")
    return pc.replace_substring_regex(ids, r"^(\d+)\.0+$", r"\1")
