"""Ranks of what users chose next, for a model and for simple baselines."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tfmmrec.dataset import Dataset, Histories
from tfmmrec.errors import DataError
from tfmmrec.evaluation.lists import Lists
from tfmmrec.evaluation.ranks import expected_ranks
from tfmmrec.outcomes import Outcomes
from tfmmrec.past import PAST, asked_in, known_before

# Given rows of users, yields (rows of users [batch], scores [batch, items]).
ScoreUsers = Callable[[np.ndarray], Iterator[tuple[np.ndarray, np.ndarray]]]

# Whose targets stand in a table of their own: known users' warm and cold items, and new users.
PARTS = ("warm", "cold", "new_users")


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


def targets_of(dataset: Dataset, split: str, *, timed: bool = False) -> Targets:
    """Collects what a split asks for and the past that stands before it.

    Args:
        dataset: the data folder.
        split: valid or test.
        timed: whether the histories have times, as models with gaps need them (default no).

    Raises:
        DataError: the split is not valid or test, or holds no positive.
    """
    if split not in PAST:
        raise DataError(f"split {split!r} cannot be evaluated; use {' or '.join(PAST)}")
    events = asked_in(dataset, split)
    both_cold = dataset.cold_users[events.user] & dataset.cold_items[events.item]
    events = events.take(~both_cold)
    histories = known_before(dataset, split, timed=timed)
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


def by_part(
    dataset: Dataset, targets: Targets | Outcomes
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


def target_ranks(targets: Targets, score_users: ScoreUsers, among: np.ndarray) -> np.ndarray:
    """Ranks every target among the items that its user has not chosen before.

    Args:
        targets: what is to be predicted.
        score_users: gives the scores of all items for users.
        among: bool `[items]`, the items that are ranked.

    Returns:
        float64 `[targets]`, expected ranks from 1.
    """
    ranks, _ = ranks_and_lists(targets, score_users, among)
    return ranks


def ranks_and_lists(
    targets: Targets, score_users: ScoreUsers, among: np.ndarray, k: int = 0
) -> tuple[np.ndarray, Lists]:
    """As `target_ranks`, with the best `k` of what is ranked for each user that has a target."""
    ranks = np.empty(len(targets.user))
    asked = np.unique(targets.user)
    k = min(k, int(among.sum()))
    best = np.full((len(asked), k), -1, np.int32)
    for users, scores in score_users(asked):
        first = np.searchsorted(targets.user, users, side="left")
        last = np.searchsorted(targets.user, users, side="right")
        rows = np.repeat(np.arange(len(users)), last - first)
        chosen = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
        left_out = np.tile(~among, (len(users), 1))
        for row, user in enumerate(users):
            left_out[row, targets.histories.of_user(user)] = True
        ranks[chosen] = expected_ranks(scores[rows], targets.item[chosen], left_out[rows])
        if k:
            best[np.searchsorted(asked, users)] = _best(np.where(left_out, -np.inf, scores), k)
    return ranks, Lists(asked, best)


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """The columns of the `k` highest scores of each row, highest first; -1 for those of −inf."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    columns = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    columns, found = (np.take_along_axis(part, order, axis=1) for part in (columns, found))
    return np.where(found > -np.inf, columns, -1).astype(np.int32)


def popularity(dataset: Dataset, split: str) -> ScoreUsers:
    """Scores items by how often known users chose them before the split."""
    return same_for_all(dataset.histories(PAST[split]).counts(dataset.count("items")))


def same_for_all(scores: np.ndarray) -> ScoreUsers:
    """Scores items alike for all users, by numbers `[items]`."""
    row = scores.astype(np.float32)

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, np.tile(row, (len(users), 1))

    return score_users


def random_order(dataset: Dataset, seed: int) -> ScoreUsers:
    """Scores items by chance."""
    generator = np.random.default_rng(seed)

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, generator.random((len(users), dataset.count("items")), np.float32)

    return score_users
