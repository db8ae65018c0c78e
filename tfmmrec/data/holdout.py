"""The holdout of a split: the histories known beforehand, and the target events after them."""

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import Interactions, concatenate
from tfmmrec.data.outcomes import LabeledEvents

# By evaluated split, the splits from which the histories of known users are taken.
CONTEXT_SPLITS = {"valid": ("train",), "test": ("train", "valid")}


def context_of(dataset: Dataset, split: str, *, with_times: bool = False) -> Histories:
    """Returns each user's history before the target events of a split, oldest first.

    The history of a known user is all positives of the earlier splits. The history of a new (cold)
    user is all of their positives but the last.

    Args:
        dataset: the data folder.
        split: `valid` or `test`.
        with_times: whether the histories have times (default False).
    """
    context, _ = _context_and_targets(dataset, split)
    return Histories.of(context, dataset.count("users"), with_times=with_times)


def holdout_events(dataset: Dataset, split: str) -> Interactions:
    """Returns the target events of a split: positives of known users, the last of each new user."""
    _, targets = _context_and_targets(dataset, split)
    return targets


def leaking_events(dataset: Dataset, split: str) -> Interactions:
    """Returns the target events with temporal leakage: the user's history has later events.

    None leak in a log without times, of which nothing is known (see `Schema.has_time`), and events
    at the same time are not later. Events of cold items are not examined. They leak by design: all
    events of a cold item are in test, and a user's history is everything else that they interacted
    with.
    """
    context, targets = _context_and_targets(dataset, split)
    targets = targets.take(~dataset.cold_items[targets.item])
    if not dataset.schema.has_time:
        return targets.take(slice(0))
    latest = np.full(dataset.count("users"), np.iinfo(np.int64).min)
    np.maximum.at(latest, context.user, context.time)
    return targets.take(targets.time < latest[targets.user])


def holdout_outcomes(dataset: Dataset, split: str) -> LabeledEvents:
    """Returns the events of a split whose outcomes (rating, click) are predicted.

    For known users these are all events of the split. For a new user, these are the last positive
    and the events after the positive before it; the earlier ones are the history.
    """
    events = dataset.outcomes([split])
    num_positives = np.bincount(events.user, events.clicked, minlength=dataset.count("users"))
    is_target = events.num_earlier >= num_positives[events.user] - 1
    return events.take(~dataset.cold_users[events.user] | is_target)


def _context_and_targets(dataset: Dataset, split: str) -> tuple[Interactions, Interactions]:
    """Returns the positives before the target events of a split, and the target events."""
    earlier = concatenate([dataset.events(name) for name in CONTEXT_SPLITS[split]])
    earlier = earlier.take(earlier.positive)
    events = dataset.events(split)
    events = events.take(events.positive)
    # All events of a new user are in test, those of the history too.
    is_context = dataset.cold_users[events.user] & ~_is_last(events)
    return concatenate([earlier, events.take(is_context)]), events.take(~is_context)


def _is_last(events: Interactions) -> np.ndarray:
    """Returns whether each event is the last of its user, bool `[events]`."""
    rows = np.lexsort((events.order, events.user))
    users = events.user[rows]
    last = np.zeros(len(events), bool)
    last[rows[:-1]] = users[1:] != users[:-1]
    last[rows[-1:]] = True
    return last
