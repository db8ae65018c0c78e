"""Trivial baselines: popularity and random order."""

from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.evaluation.ranking.rankers import DotProductRanker, Ranker, ScoreRanker


def popularity(dataset: Dataset, split: str) -> Ranker:
    """Ranks items by their number of events before the split."""
    return same_for_all(dataset.histories(CONTEXT_SPLITS[split]).counts(dataset.count("items")))


def same_for_all(counts: np.ndarray) -> Ranker:
    """Ranks items by the same counts for all users, int `[items]`."""
    # As a dot product, which ranks large catalogs fast. Vectors of zeros would not be listed.
    items = (counts + 1).astype(np.float32)[:, np.newaxis]

    def embed_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, np.ones([len(users), 1], np.float32)

    return DotProductRanker(items, embed_users)


def random_order(dataset: Dataset, seed: int) -> Ranker:
    """Ranks items in random order, different for each user."""
    generator = np.random.default_rng(seed)

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, generator.random((len(users), dataset.count("items")), np.float32)

    return ScoreRanker(score_users)
