"""A valid split for a data folder without one: the last event of each user, and new items."""

import numpy as np

from tfmmrec.config.choices import AUTO
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import EventKinds, Interactions
from tfmmrec.evaluation.metrics.bootstrap import MIN_USERS

# Users with fewer training events keep all of them.
MIN_EVENTS = 3
# The share of items with events that are held out at most, and the least number. Figures of fewer
# items depend on the items more than on the model.
MAX_ITEM_SHARE, MIN_ITEMS = 0.2, 20


def with_validation(dataset: Dataset, config: TrainConfig, *, quiet: bool) -> Dataset:
    """Holds out training events as the valid split of a data folder that has none.

    The best epoch and the best candidate of `query: {kind: auto}` are then chosen as they are with
    a valid split, and `refit` trains the final model on all training events. The held-out events
    are always the same, so that a training can be resumed, several processes agree, and trainings
    with other seeds can be compared.

    If there are items without training events, as many others, up to a fifth, are held out with
    all their events, to choose `cold_start: {weight: auto}`. This takes a `refit`, without which
    the model would not know them.

    Args:
        dataset: the data folder.
        config: of the training.
        quiet: does not say what is held out.

    Returns:
        A view of the data folder; `dataset` itself if it has a valid split, or too few users.
    """
    if dataset.has_validation_events(config.task):
        return dataset
    train, items = dataset.events("train"), None
    others = np.arange(len(train))
    if _chooses_weight(dataset, config):
        items = _items_to_hold_out(dataset)
        others = np.flatnonzero(~items[train.item])
    rows = others[_last_events(train.take(others), config.task, dataset.schema.kinds)]
    if len(rows) < MIN_USERS:
        if not quiet:
            print(
                f"no valid split, and only {len(rows)} users with {MIN_EVENTS} events or more, of "
                f"the {MIN_USERS} needed to hold events out: trains for all {config.epochs} epochs"
            )
        return dataset
    if len(rows) > (max_users := config.validation.max_users):
        rows = np.sort(np.random.default_rng(0).choice(rows, max_users, replace=False))
    if items is not None and not items.any():
        items = None
    if not quiet:
        new = (
            ""
            if items is None
            else f", and {items.sum()} items with all their events to choose cold_start.weight"
        )
        then = "; the final model is trained on all events" if config.refit else ""
        print(
            f"no valid split: the last event of {len(rows)} users is held out to choose the "
            f"epochs{new}{then}"
        )
    if dataset.schema.kinds:
        rows = _with_later(train, rows)
    return dataset.hold_out(rows, items)


def _chooses_weight(dataset: Dataset, config: TrainConfig) -> bool:
    """Whether the model has a cold-start regression whose weight is to be chosen."""
    features = dataset.features("items") if config.features is None else config.features
    return bool(
        config.cold_start.weight == AUTO
        and config.refit
        and config.id_embedding
        and features
        and config.task in ("retrieval", "joint")
    )


def _items_to_hold_out(dataset: Dataset) -> np.ndarray:
    """As many items with positives as there are items without, bool `[items]`; maybe none."""
    train, num_items = dataset.events("train"), dataset.count("items")
    chosen = np.unique(train.item[train.positive])
    num = min(num_items - len(chosen), int(MAX_ITEM_SHARE * len(chosen)))
    held_out = np.zeros(num_items, bool)
    if num >= MIN_ITEMS:
        held_out[np.random.default_rng(0).choice(chosen, num, replace=False)] = True
    return held_out


def _last_events(events: Interactions, task: str, kinds: EventKinds = EventKinds()) -> np.ndarray:
    """The row of the last event of each user with enough events that can be predicted.

    For `rating` these are the rated events, for `click` all events, and otherwise the positives of
    the largest weight. A positive that repeats an earlier one is not ranked, so that a user whose
    last one does keeps it: an event before it must not be predicted from it.

    Args:
        events: of train.
        task: of the training.
        kinds: the kinds of the log (default: it has none).
    """
    is_candidate = kinds.are_targets(events)
    if task in ("rating", "click"):
        is_candidate = ~np.isnan(events.rating) | (task == "click")
    rows = np.flatnonzero(is_candidate | (events.positive & (task not in ("rating", "click"))))
    rows = rows[np.lexsort((events.order[rows], events.user[rows]))]
    _, starts, user = np.unique(events.user[rows], return_index=True, return_inverse=True)
    num_earlier = np.arange(len(rows)) - starts[user]
    last = np.flatnonzero(is_candidate[rows] & (num_earlier >= MIN_EVENTS - 1))
    last = last[np.diff(user[last], append=-1) != 0]
    if task not in ("rating", "click"):
        pairs = events.user[rows].astype(np.int64) * (1 + int(events.item.max(initial=0)))
        # The index of the first of equal pairs.
        _, first = np.unique(pairs + events.item[rows], return_index=True)
        last = np.intersect1d(last, first)
    return np.sort(rows[last])


def _with_later(events: Interactions, rows: np.ndarray) -> np.ndarray:
    """Adds the later events of the users of some rows: views after a held-out purchase.

    In train they would tell of what comes after the event that is predicted.

    Args:
        events: of train.
        rows: of `events`, at most one per user.
    """
    first = np.full(1 + int(events.user.max(initial=0)), np.iinfo(np.int32).max)
    first[events.user[rows]] = events.order[rows]
    return np.flatnonzero(events.order >= first[events.user])
