"""Counts held-out positives that repeat what the user chose before; they are no targets."""

from collections.abc import Mapping

import numpy as np

from tfmmrec.data.interactions.events import Interactions


def count_repeats(
    parts: Mapping[str, Interactions], cold_users: np.ndarray | list[int]
) -> dict[str, int]:
    """Counts the repeats among the positives of valid and test.

    A positive of valid is a repeat if the user has one with the same item in train, and one of test
    if in train or valid. Of equal ones in a split, all but one are repeats. Of a cold-start user,
    only the last positive is held out.

    Args:
        parts: all events of some users by split, in order of user and time.
        cold_users: rows of cold-start users.

    Returns:
        `valid_repeats` and `test_repeats`.
    """
    train, valid, test = (_keys(parts[name]) for name in ("train", "valid", "test"))
    users = test >> 32
    is_last = np.append(users[1:] != users[:-1], True)[: len(users)]
    is_context = np.isin(users, cold_users) & ~is_last
    known, held_out = np.concatenate([train, valid, test[is_context]]), test[~is_context]
    return {
        "valid_repeats": len(valid) - len(np.setdiff1d(valid, train)),
        "test_repeats": len(held_out) - len(np.setdiff1d(held_out, known)),
    }


def _keys(events: Interactions) -> np.ndarray:
    """Returns the user and the item of each positive as one number, int64."""
    events = events.take(events.positive)
    return events.user.astype(np.int64) << 32 | events.item
