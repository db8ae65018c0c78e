"""What users chose next, and what is known before it."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import CONTEXT_SPLITS, context_of, holdout_events, leaking_events
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.errors import DataError

# Whose targets stand in a table of their own: known users' warm and cold items, and new users.
SEGMENTS = ("warm", "cold", "new_users")


@dataclasses.dataclass(frozen=True)
class Targets:
    """What is to be predicted, and what is known at that moment.

    Attributes:
        user: rows of users, int32 `[targets]`, ascending.
        item: rows of items, int32 `[targets]`.
        histories: what each user chose before, which is left out of the answers.
        num_repeats: positives left aside, since the user chose the same before and no answer
            names it again.
        num_both_cold: positives left aside, since neither the user nor the item is known.
    """

    user: np.ndarray
    item: np.ndarray
    histories: Histories
    num_repeats: int
    num_both_cold: int = 0

    def take(self, rows: np.ndarray) -> "Targets":
        """Returns some of the targets, with the whole past (a mask, or ascending indices)."""
        return dataclasses.replace(self, user=self.user[rows], item=self.item[rows])


def targets_of(dataset: Dataset, split: str, *, with_times: bool = False) -> Targets:
    """Collects what a split asks for and the past that stands before it.

    Args:
        dataset: the data folder.
        split: valid or test.
        timed: whether the histories have times, as models with gaps need them (default no).

    Raises:
        DataError: the split is not valid or test, or holds no positive.
    """
    if split not in CONTEXT_SPLITS:
        raise DataError(f"split {split!r} cannot be evaluated; use {' or '.join(CONTEXT_SPLITS)}")
    events = holdout_events(dataset, split)
    both_cold = dataset.cold_users[events.user] & dataset.cold_items[events.item]
    events = events.take(~both_cold)
    histories = context_of(dataset, split, with_times=with_times)
    repeats = np.array(
        [
            item in histories.of_user(user)
            for user, item in zip(events.user, events.item, strict=True)
        ],
        bool,
    )
    events = events.take(~repeats)
    if not len(events):
        raise DataError(f"{dataset.folder}: split {split!r} holds no positive to evaluate")
    return Targets(
        user=events.user,
        item=events.item,
        histories=histories,
        num_repeats=int(repeats.sum()),
        num_both_cold=int(both_cold.sum()),
    )


def check_no_leakage(dataset: Dataset, split: str) -> None:
    """Raises DataError where a user's past holds what came after a choice to be predicted."""
    late = leaking_events(dataset, split)
    if len(late):
        user, item = dataset.user_ids[late.user[0]], dataset.item_ids[late.item[0]]
        raise DataError(
            f"{dataset.folder}: split {split}: {len(late)} choices stand before others that are "
            f"given as known, the first by user {user!r} of item {item!r}: a model would be told "
            "the future; split by time or last_out, or say --allow_leakage"
        )


def by_segment(
    dataset: Dataset, targets: Targets | LabeledEvents
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Divides targets by what is new in them, the user or the item.

    Args:
        dataset: says which users and items are cold.
        targets: what is to be predicted.

    Yields:
        (one of PARTS, the targets in it, bool `[targets]`, the items that are ranked for them,
        bool `[items]`).
    """
    new_user, cold = dataset.cold_users[targets.user], dataset.cold_items
    new_item = cold[targets.item]
    yield "warm", ~new_user & ~new_item, ~cold
    yield "cold", ~new_user & new_item, cold
    yield "new_users", new_user, ~cold
