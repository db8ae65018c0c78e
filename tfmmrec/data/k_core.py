"""Thinning a log that is held in columns: repeated events, and whoever has too few of them."""

import numpy as np


def first_occurrences(*columns: np.ndarray) -> np.ndarray:
    """Says of each event whether it is the first with its values.

    Args:
        columns: arrays `[events]` that together tell an event, such as user, item and time.

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


def k_core(user: np.ndarray, item: np.ndarray, kept: np.ndarray, k: int) -> np.ndarray:
    """Drops events until each user and each item that is left has at least k of them.

    To drop a user's events may leave an item with too few, so this goes round to a fixed point,
    which does not depend on the order.

    Args:
        user: int `[events]`, from 0.
        item: int `[events]`, from 0.
        kept: bool `[events]`, which events count to begin with.
        k: how many; with 0 or 1 all of `kept` stay.

    Returns:
        bool `[events]`, which may be nowhere true.

    Examples:
        >>> user, item = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
        >>> k_core(user, item, np.ones(5, bool), 2).tolist()
        [True, True, True, True, False]
    """
    while True:
        smaller = kept.copy()
        for column in (user, item):
            counts = np.bincount(column[kept], minlength=column.max(initial=0) + 1)
            smaller &= counts[column] >= k
        if smaller.sum() == kept.sum():
            return kept
        kept = smaller
