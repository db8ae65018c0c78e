"""Filters of interaction logs in columns: duplicate events, and the k-core."""

import numpy as np


def first_occurrences(*columns: np.ndarray) -> np.ndarray:
    """Marks the first of equal events.

    Args:
        columns: arrays `[events]` that identify an event, such as user, item and time.

    Returns:
        bool `[events]`.

    Examples:
        >>> first_occurrences(np.array([7, 8, 7]), np.array([1, 1, 1])).tolist()
        [True, True, False]
    """
    order = np.lexsort(columns)
    first = np.ones(len(order), bool)
    same = np.ones(max(0, len(order) - 1), bool)
    for column in columns:
        same &= column[order[1:]] == column[order[:-1]]
    first[order[1:][same]] = False
    return first


def k_core(user: np.ndarray, item: np.ndarray, mask: np.ndarray, k: int) -> np.ndarray:
    """Drops events until each remaining user and item has at least k events (the k-core).

    Dropping a user's events may leave an item with too few, so this iterates to a fixed point,
    which does not depend on the order of events.

    Args:
        user: int `[events]`, from 0.
        item: int `[events]`, from 0.
        mask: bool `[events]`, the events to start with.
        k: minimum number of events; 0 and 1 return `mask`.

    Returns:
        bool `[events]`, the events of the k-core, which may be empty.

    Examples:
        >>> user, item = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
        >>> k_core(user, item, np.ones(5, bool), 2).tolist()
        [True, True, True, True, False]
    """
    while True:
        smaller = mask.copy()
        for column in (user, item):
            counts = np.bincount(column[mask], minlength=column.max(initial=0) + 1)
            smaller &= counts[column] >= k
        if smaller.sum() == mask.sum():
            return mask
        mask = smaller
