"""Draws cold-start items and users, which are excluded from training for evaluation."""

import hashlib

import numpy as np

from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import MIN_POSITIVES, Interactions


class ColdStartCandidates:
    """The items and users from which cold-start ones are drawn, found in one pass.

    Args:
        num_items: the number of items. The number of users grows with the interactions.
    """

    def __init__(self, num_items: int):
        self._items = np.zeros(num_items, bool)
        self._positives = np.zeros(0, np.int32)

    def observe(self, events: Interactions) -> None:
        """Adds a batch of events."""
        self._items[events.item] = True
        users = events.user[events.positive]
        if len(users) and users.max() >= len(self._positives):
            # Twice the required size, so that it seldom grows.
            grown = np.zeros(2 * (int(users.max()) + 1), np.int32)
            grown[: len(self._positives)] = self._positives
            self._positives = grown
        np.add.at(self._positives, users, 1)

    @property
    def items(self) -> np.ndarray:
        """The rows of the items with interactions."""
        return np.flatnonzero(self._items)

    @property
    def users(self) -> np.ndarray:
        """The rows of the users with at least `MIN_POSITIVES` positives."""
        return np.flatnonzero(self._positives >= MIN_POSITIVES)


def draw_cold(share: float, rows: np.ndarray, ids: IdIndex, seed: int) -> np.ndarray:
    """Draws cold-start items or users by the SHA-1 of seed and id.

    Args:
        share: the share of the rows to draw, from 0 to 1.
        rows: the candidate rows.
        ids: the ids of all items or users.
        seed: the seed of the draw.

    Returns:
        The drawn rows, ascending.
    """
    count = round(share * len(rows))
    if not count:
        return np.zeros(0, np.int64)
    digests = [hashlib.sha1(f"{seed}:{name}".encode()).hexdigest() for name in ids.take(rows)]
    return np.sort(rows[np.argsort(np.array(digests, "S40"), kind="stable")][:count])
