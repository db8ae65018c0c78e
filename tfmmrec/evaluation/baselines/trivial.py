"""Trivial baselines: popularity and random order."""

from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.evaluation.ranking.rankers import Ranker, ScoreRanker


def popularity(dataset: Dataset, split: str) -> Ranker:
    """Ranks items by their number of events before the split."""
    return same_for_all(dataset.histories(CONTEXT_SPLITS[split]).counts(dataset.count("items")))


def same_for_all(scores: np.ndarray) -> Ranker:
    """Ranks items by the same scores for all users, `[items]`."""
    row = scores.astype(np.float32)

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, np.tile(row, (len(users), 1))

    return ScoreRanker(score_users)


def random_order(dataset: Dataset, seed: int) -> Ranker:
    """Ranks items in random order, different for each user."""
    generator = np.random.default_rng(seed)

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, generator.random((len(users), dataset.count("items")), np.float32)

    return ScoreRanker(score_users)
