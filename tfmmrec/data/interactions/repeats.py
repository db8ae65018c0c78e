"""Counts held-out positives whose item the user chose or disliked before."""

from collections.abc import Mapping

import numpy as np

from tfmmrec.data.interactions.events import Interactions, concatenate
from tfmmrec.data.interactions.kinds import EventKinds
from tfmmrec.data.interactions.new_users import divide_new_users


def count_repeats(
    parts: Mapping[str, Interactions],
    cold_users: np.ndarray | list[int],
    kinds: EventKinds = EventKinds(),
) -> dict[str, int]:
    """Counts the repeats among the targets of valid and test: positives of the largest weight.

    A target of valid is a repeat if the user has another one, a dislike or an earlier rating with
    the same item in train, and one of test if in train or valid. Of equal ones in a split, all but
    one are repeats. Of a cold-start user, only the last one is held out.

    Args:
        parts: all events of some users by split.
        cold_users: rows of cold-start users.
        kinds: the kinds of the log (default: it has none).

    Returns:
        `valid_repeats` and `test_repeats`.
    """
    train, valid, test = (parts[name] for name in ("train", "valid", "test"))
    valid_targets = valid.take(kinds.are_targets(valid))
    is_new = np.isin(test.user, cold_users)
    is_target, is_history = divide_new_users(test, is_new, kinds.are_targets(test))
    earlier = concatenate([train, valid, test.take(is_history)])
    return {
        "valid_repeats": _count(valid_targets, train, kinds),
        "test_repeats": _count(test.take(is_target), earlier, kinds),
    }


def _count(targets: Interactions, earlier: Interactions, kinds: EventKinds) -> int:
    num_users = 1 + max(targets.user.max(initial=0), earlier.user.max(initial=0))
    first = targets.first_orders(num_users)
    are_earlier = earlier.rated & (earlier.order < first[earlier.user])
    known = earlier.take(kinds.are_targets(earlier) | earlier.disliked | are_earlier)
    return len(targets) - len(np.setdiff1d(_keys(targets), _keys(known)))


def _keys(events: Interactions) -> np.ndarray:
    """Returns the user and the item of each event as one number, int64."""
    return events.user.astype(np.int64) << 32 | events.item
