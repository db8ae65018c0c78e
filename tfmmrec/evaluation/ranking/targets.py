"""The target items of a split, and the history of each user before them."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import (
    CONTEXT_SPLITS,
    context_of,
    excluded_of,
    holdout_events,
    leaking_events,
)
from tfmmrec.data.interactions import Interactions
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.errors import DataError


@dataclasses.dataclass(frozen=True)
class Targets:
    """Target items, and the history of each user before them.

    Attributes:
        user: rows of users, int32 `[targets]`, ascending.
        item: rows of the target items, int32 `[targets]`.
        histories: the items that each user chose or rated earlier.
        num_repeats: number of positives that are not targets because the item is excluded, or is
            the target of an earlier event of the user in the split.
        num_both_cold: number of positives that are not targets because both the user and the item
            are new.
        excluded_items: the items of each user that are not candidates, see `Schema.are_excluded`
            (default: those of the history).
    """

    user: np.ndarray
    item: np.ndarray
    histories: Histories
    num_repeats: int
    num_both_cold: int = 0
    excluded_items: Histories | None = None

    @property
    def excluded(self) -> Histories:
        """The items of each user that are not candidates."""
        return self.histories if self.excluded_items is None else self.excluded_items

    @property
    def are_repeats(self) -> np.ndarray:
        """Whether each target is an item of the user's history, bool `[targets]`."""
        return self.histories.have(self.user, self.item)

    def take(self, rows: np.ndarray) -> "Targets":
        """Returns some of the targets (a mask, or ascending indices), with all histories."""
        return dataclasses.replace(self, user=self.user[rows], item=self.item[rows])


def targets_of(dataset: Dataset, split: str, *, with_times: bool = False) -> Targets:
    """Collects the target items of a split and the histories before them.

    Args:
        dataset: the data folder.
        split: `valid` or `test`.
        with_times: whether the histories have times, as a model with time intervals needs them
            (default False).

    Raises:
        DataError: the split is not `valid` or `test`, or has no target.
    """
    if split not in CONTEXT_SPLITS:
        raise DataError(f"split {split!r} cannot be evaluated; use {' or '.join(CONTEXT_SPLITS)}")
    positives = holdout_events(dataset, split)
    both_cold = dataset.cold_users[positives.user] & dataset.cold_items[positives.item]
    events = positives.take(~both_cold)
    histories = context_of(dataset, split, with_times=with_times, with_ratings=True)
    # Memory holds the histories once where they are what is excluded.
    is_history = dataset.schema.excludes_histories
    excluded = histories if is_history else excluded_of(dataset, split)
    repeats = _is_repeat(events, excluded)
    found = Targets(
        user=events.user[~repeats],
        item=events.item[~repeats],
        histories=histories,
        num_repeats=int(repeats.sum()),
        num_both_cold=int(both_cold.sum()),
        excluded_items=None if is_history else excluded,
    )
    if not len(found.user):
        raise DataError(_no_targets(dataset, split, found))
    return found


def _is_repeat(events: Interactions, excluded: Histories) -> np.ndarray:
    """Whether the item of each event is excluded or that of an earlier one, bool `[events]`."""
    repeats = excluded.have(events.user, events.item)
    pairs = events.user.astype(np.int64) << 32 | events.item
    # Of equal pairs in the split, the first in the history of the user is no repeat.
    order = np.lexsort((events.order, pairs))
    again = pairs[order][1:] == pairs[order][:-1]
    repeats[order[1:][again]] = True
    return repeats


def _no_targets(dataset: Dataset, split: str, found: Targets) -> str:
    """The message for a split whose positives are all left out."""
    message = f"{dataset.folder}: split {split!r} has no positive to evaluate"
    reasons = []
    if found.num_repeats:
        reasons.append(
            f"{found.num_repeats} are repeats of items that the user chose before, which are not "
            "ranked"
        )
    if found.num_both_cold:
        reasons.append(f"{found.num_both_cold} are of new users and cold-start items")
    if not reasons:
        return message
    total = found.num_repeats + found.num_both_cold
    return (
        f"{message}: of its {total} positives, {' and '.join(reasons)}; choose another split in "
        "the dataset file, or allow repeats (interactions.repeats), and pack again"
    )


def check_no_leakage(dataset: Dataset, split: str) -> None:
    """Raises DataError if the history of a user has events later than a target (leakage)."""
    late = leaking_events(dataset, split)
    if len(late):
        user, item = dataset.user_ids[late.user[0]], dataset.item_ids[late.item[0]]
        raise DataError(
            f"{dataset.folder}: split {split}: temporal leakage: {len(late)} targets are earlier "
            f"than events in their user's history, the first of user {user!r} and item {item!r}; "
            "split by time or last_out, or pass --allow-leakage"
        )


def by_segment(
    dataset: Dataset, targets: Targets | LabeledEvents
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Divides targets into segments, by whether the user or the item is new.

    Args:
        dataset: the data folder, which lists the cold-start users and items.
        targets: the targets.

    Yields:
        (the name of the segment, one of SEGMENTS; its targets, bool `[targets]`; the candidates,
        bool `[items]`).
    """
    new_user, cold = dataset.cold_users[targets.user], dataset.cold_items
    new_item = cold[targets.item]
    yield "warm", ~new_user & ~new_item, ~cold
    yield "cold", ~new_user & new_item, cold
    yield "new_users", new_user, ~cold
