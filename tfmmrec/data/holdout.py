"""The holdout of a split: the histories known beforehand, and the target events after them."""

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import SPLITS, Interactions, concatenate
from tfmmrec.data.interactions.new_users import divide_new_users
from tfmmrec.data.outcomes import LabeledEvents

# By evaluated split, the splits from which the histories of known users are taken.
CONTEXT_SPLITS = {"valid": ("train",), "test": ("train", "valid")}


def context_of(
    dataset: Dataset, split: str, *, with_times: bool = False, with_ratings: bool = False
) -> Histories:
    """Returns each user's history before the target events of a split, oldest first.

    The history of a known user is all positives of the earlier splits. The history of a new (cold)
    user is their positives before the last target.

    Args:
        dataset: the data folder.
        split: `valid` or `test`.
        with_times: whether the histories have times (default False).
        with_ratings: whether they have ratings below the bar too, those before the first target of
            the user among the items that are not cold (default False).
    """
    earlier, targets = _earlier_and_targets(dataset, split)
    is_read = earlier.positive
    if with_ratings:
        is_read = earlier.read_before(_first_orders(dataset, targets))
    return Histories.of(earlier.take(is_read), dataset.count("users"), with_times=with_times)


def excluded_of(dataset: Dataset, split: str | None = None) -> Histories:
    """Returns each user's items that are not recommended, see `Schema.are_excluded`.

    Args:
        dataset: the data folder.
        split: `valid` or `test`; earlier events count (default: all events). Of events that are no
            positives, which may be in train however late they are, these are the ones before the
            user's first target among the items that are not cold.
    """
    if split is None:
        events = concatenate([dataset.events(name) for name in SPLITS])
    else:
        events, targets = _earlier_and_targets(dataset, split)
        first = _first_orders(dataset, targets)
        events = events.take(events.positive | (events.order < first[events.user]))
    events = events.take(dataset.schema.are_excluded(events))
    return Histories.of(events, dataset.count("users"))


def holdout_events(dataset: Dataset, split: str) -> Interactions:
    """Returns the target events of a split: positives of known users, the last of each new user.

    In a log with kinds, only positives of the largest weight are targets.
    """
    _, targets = _earlier_and_targets(dataset, split)
    return targets


def leaking_events(dataset: Dataset, split: str) -> Interactions:
    """Returns the target events with temporal leakage: the user's history has later events.

    None leak in a log without times, of which nothing is known (see `Schema.has_time`), and events
    at the same time are not later. Events of cold items are not examined. They leak by design: all
    events of a cold item are in test, and a user's history is everything else that they interacted
    with.
    """
    context, targets = _earlier_and_targets(dataset, split)
    context = context.take(context.positive)
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


def _first_orders(dataset: Dataset, targets: Interactions) -> np.ndarray:
    """The position of each user's first target among the items that are not cold, `[users]`."""
    are_warm = ~dataset.cold_items[targets.item]
    return targets.take(are_warm).first_orders(dataset.count("users"))


def _earlier_and_targets(dataset: Dataset, split: str) -> tuple[Interactions, Interactions]:
    """Returns all events before the target events of a split, and the target events."""
    earlier = [dataset.events(name) for name in CONTEXT_SPLITS[split]]
    events = dataset.events(split)
    targets, history = divide_new_users(
        events, dataset.cold_users[events.user], dataset.schema.kinds.are_targets(events)
    )
    return concatenate([*earlier, events.take(history)]), events.take(targets)
