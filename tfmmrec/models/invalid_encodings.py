"""Finds the features whose encodings are not finite, or too large to compute with."""

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.encoded_features import EncodedEntities

# The square of a larger number, or the sum of a few hundred of them, exceeds float32.
_LARGEST = 1e18
_BLOCK_ROWS = 4096


def invalid_encodings(dataset: Dataset, entity: EntityName, entities: EncodedEntities) -> list[str]:
    """Returns a line per feature with encodings that are not finite or exceed 1e18.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        entities: its encoded items or users.
    """
    lines = []
    for name, encodings in entities.encodings.items():
        rows, largest = _invalid_rows(encodings)
        if rows:
            ids = dataset.item_ids if entity == "items" else dataset.user_ids
            what = "are not finite" if np.isnan(largest) else f"are too large, up to {largest:.1e}"
            lines.append(
                f"{entity}.features.{name}: the encodings of {len(rows)} of "
                f"{int(encodings.present.sum())} {entity} {what} (first: {ids[rows[0]]!r})"
            )
    return lines


def _invalid_rows(encodings: Encodings) -> tuple[list[int], float]:
    """Returns the rows of invalid encodings, and the largest number in them; NaN if not finite."""
    rows: list[int] = []
    largest = 0.0
    if not np.issubdtype(encodings.values.dtype, np.floating):
        return rows, largest
    for start in range(0, len(encodings.values), _BLOCK_ROWS):
        values = encodings.values[start : start + _BLOCK_ROWS]
        block = np.abs(np.asarray(values, np.float32))
        most = block.reshape(len(block), -1).max(axis=1)  # [rows], NaN if one is
        most[~encodings.present[start : start + _BLOCK_ROWS]] = 0.0
        invalid = np.flatnonzero(~(most <= _LARGEST))
        rows.extend((start + invalid).tolist())
        if len(invalid):
            most = np.where(np.isinf(most), np.nan, most)
            largest = float(np.max([largest, *most[invalid]]))
    return rows, largest
