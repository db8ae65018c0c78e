"""Draws cold-start items and users, which are excluded from training for evaluation."""

import hashlib

import numpy as np

from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import MIN_POSITIVES, EventKinds, Interactions


class ColdStartCandidates:
    """The items and users from which cold-start ones are drawn, found in one pass.

    Args:
        num_items: the number of items. The number of users grows with the interactions.
        kinds: the kinds of the log (default: it has none).
    """

    def __init__(self, num_items: int, kinds: EventKinds = EventKinds()):
        self._kinds = kinds
        self._items = np.zeros(num_items, bool)
        self._positives = np.zeros(0, np.int32)
        self._has_target = np.zeros(0, bool)

    def observe(self, events: Interactions) -> None:
        """Adds a batch of events."""
        self._items[events.item] = True
        users = events.user[events.positive]
        if len(users) and users.max() >= len(self._positives):
            # Twice the required size, so that it seldom grows.
            size = 2 * (int(users.max()) + 1)
            self._positives = np.pad(self._positives, (0, size - len(self._positives)))
            self._has_target = np.pad(self._has_target, (0, size - len(self._has_target)))
        np.add.at(self._positives, users, 1)
        self._has_target[events.user[self._kinds.are_targets(events)]] = True

    @property
    def items(self) -> np.ndarray:
        """The rows of the items with interactions."""
        return np.flatnonzero(self._items)

    @property
    def users(self) -> np.ndarray:
        """The rows of the users with at least `MIN_POSITIVES` positives, one of them a target."""
        return np.flatnonzero((self._positives >= MIN_POSITIVES) & self._has_target)


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
