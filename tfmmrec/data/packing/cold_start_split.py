"""Which items and users are kept out of training, to measure what becomes of new ones."""

import hashlib

import numpy as np

from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import MIN_POSITIVES, Interactions


class Chosen:
    """Who chose what, counted as the log passes: from these, cold items and users are drawn.

    Args:
        num_items: how many items there are; users may come to be known by the log.
    """

    def __init__(self, num_items: int):
        self._items = np.zeros(num_items, bool)
        self._positives = np.zeros(0, np.int32)

    def observe(self, events: Interactions) -> None:
        """Counts some events."""
        self._items[events.item] = True
        users = events.user[events.positive]
        if len(users) and users.max() >= len(self._positives):
            # Twice as many as are needed, so that it seldom has to grow.
            grown = np.zeros(2 * (int(users.max()) + 1), np.int32)
            grown[: len(self._positives)] = self._positives
            self._positives = grown
        np.add.at(self._positives, users, 1)

    @property
    def items(self) -> np.ndarray:
        """The rows of the items that somebody chose."""
        return np.flatnonzero(self._items)

    @property
    def users(self) -> np.ndarray:
        """The rows of the users with so many positives that something of theirs is predicted."""
        return np.flatnonzero(self._positives >= MIN_POSITIVES)


def draw_cold(share: float, rows: np.ndarray, ids: IdIndex, seed: int) -> np.ndarray:
    """Draws cold items, or users, by the SHA-1 of seed and id.

    Args:
        share: of the rows, from 0 to 1.
        rows: those that may be drawn.
        ids: of all items, or users.
        seed: another one draws others.

    Returns:
        The cold rows, in order.
    """
    count = round(share * len(rows))
    if not count:
        return np.zeros(0, np.int64)
    digests = [hashlib.sha1(f"{seed}:{name}".encode()).hexdigest() for name in ids.take(rows)]
    return np.sort(rows[np.argsort(np.array(digests, "S40"), kind="stable")][:count])
