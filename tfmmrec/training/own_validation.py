"""Holds out what a training chooses by: the last event of each user, and new items."""

import numpy as np

from tfmmrec.config.choices import AUTO
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.data.interactions import EventKinds, Interactions
from tfmmrec.evaluation.metrics.bootstrap import MIN_USERS

# Users with fewer training events keep all of them.
MIN_EVENTS = 3
# The shares of items with events that are held out at least and at most, and the least number.
# Figures of fewer items depend on the items more than on the model.
MIN_ITEM_SHARE, MAX_ITEM_SHARE, MIN_ITEMS = 0.05, 0.1, 20


def with_validation(dataset: Dataset, config: TrainConfig, *, quiet: bool) -> Dataset:
    """Holds out what a training chooses by, and the data folder has no split for.

    * Without a valid split, the last event of each user. The best epoch and the best candidate of
      `query: {kind: auto}` are then chosen as they are with a valid split, and `refit` trains the
      final model on all training events.
    * Items with all their events, to choose how embeddings of cold-start items are computed
      (`choose_cold_start`): as many as there are items without events, from a twentieth to a tenth
      of those with events. This takes a `refit`, without which the model would not know them.

    What is held out is always the same, so that a training can be resumed, several processes agree,
    and trainings with other seeds can be compared.

    Args:
        dataset: the data folder.
        config: of the training.
        quiet: does not say what is held out.

    Returns:
        A view of the data folder; `dataset` itself if nothing is held out.
    """
    items = _items_to_hold_out(dataset) if _chooses_cold_start(dataset, config) else None
    has_valid = dataset.has_validation_events(config.task)
    rows, num_users = np.zeros(0, np.int64), 0
    if not has_valid:
        train = dataset.events("train")
        others = np.arange(len(train)) if items is None else np.flatnonzero(~items[train.item])
        rows = others[_last_events(train.take(others), config.task, dataset.schema.kinds)]
        if len(rows) < MIN_USERS:
            if not quiet:
                print(
                    f"no valid split, and only {len(rows)} users with {MIN_EVENTS} events or more, "
                    f"of the {MIN_USERS} needed to hold events out: trains for all "
                    f"{config.epochs} epochs"
                )
            return dataset
        rows = fixed_sample(rows, config.validation.max_users)
        num_users = len(rows)
        if dataset.schema.kinds:
            rows = _with_later(train, rows)
    if has_valid and items is None:
        return dataset
    if not quiet:
        print(_held_out_line(num_users, items, config))
    return dataset.hold_out(rows, items)


def _held_out_line(num_users: int, items: np.ndarray | None, config: TrainConfig) -> str:
    """Says what is held out."""
    parts = []
    if num_users:
        parts.append(
            f"no valid split: the last event of {num_users} users is held out to choose the epochs"
        )
    if items is not None:
        parts.append(
            f"{items.sum()} items are held out with all their events to choose how new items are "
            "embedded"
        )
    then = "; the final model is trained on all events" if config.refit else ""
    return "; ".join(parts) + then


def _chooses_cold_start(dataset: Dataset, config: TrainConfig) -> bool:
    """Whether the model has a cold-start regression of which something is to be chosen."""
    features = dataset.features("items") if config.features is None else config.features
    return bool(
        AUTO in (config.cold_start.weight, config.cold_start.ridge_alpha)
        and config.refit
        and config.id_embedding
        and features
        and config.task in ("retrieval", "joint")
    )


def _items_to_hold_out(dataset: Dataset) -> np.ndarray | None:
    """The items to hold out, of those with positives, bool `[items]`; None if they are too few."""
    train, num_items = dataset.events("train"), dataset.count("items")
    chosen = np.unique(train.item[train.positive])
    least, most = (int(share * len(chosen)) for share in (MIN_ITEM_SHARE, MAX_ITEM_SHARE))
    num = min(max(num_items - len(chosen), least, MIN_ITEMS), most)
    if num < MIN_ITEMS:
        return None
    held_out = np.zeros(num_items, bool)
    held_out[fixed_sample(chosen, num)] = True
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
    first = events.take(rows).first_orders(1 + int(events.user.max(initial=0)))
    return np.flatnonzero(events.order >= first[events.user])
