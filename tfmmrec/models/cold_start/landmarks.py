"""Landmarks: the trained items that the cold-start regression is fitted to."""

import numpy as np

from tfmmrec.encoders.encoded_features import EncodedEntities


def landmark_rows(items: EncodedEntities, counts: np.ndarray, max_items: int) -> np.ndarray:
    """Selects the items with content that have the most training events.

    Args:
        items: the encoded items.
        counts: the number of training events of each item, `[items]`.
        max_items: the maximum number of landmarks.

    Returns:
        The rows of the items in ascending order, int64 `[landmarks]`.
    """
    rows = np.flatnonzero(items.has_content(len(counts)) & (counts > 0))
    return np.sort(rows[np.argsort(-counts[rows], kind="stable")[:max_items]])
