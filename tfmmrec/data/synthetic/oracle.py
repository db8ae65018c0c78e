"""Metrics of scores in a synthetic world, computed independently of tfmmrec.evaluation."""

import numpy as np

from tfmmrec.data.synthetic.world import World

# As in `split: {by: last_out}`.
_MIN_EVENTS = 5


def measure(world: World, scores: np.ndarray, *, k: int = 10) -> dict[str, float]:
    """Computes HR@k and NDCG@k of the last event of each user; earlier items are excluded.

    With the one test item of a user at rank r from 1, HR is 1 and NDCG is `1 / log2(1 + r)` when
    `r <= k`, and both are 0 otherwise. Half of the items with equal scores rank first.

    Args:
        world: the world.
        scores: `[users, items]`, such as `world.oracle()`.
        k: the length of the lists.

    Returns:
        The means over the users with at least 5 events, by the keys "hr" and "ndcg".
    """
    scores = scores.astype(np.float64)
    users, firsts, counts = np.unique(world.events[:, 0], return_index=True, return_counts=True)
    lasts = firsts + counts - 1
    has_test = counts >= _MIN_EVENTS
    before = np.ones(len(world.events), bool)
    before[lasts[has_test]] = False
    scores[world.events[before, 0], world.events[before, 1]] = -np.inf
    users, items = users[has_test], world.events[lasts[has_test], 1]
    targets = scores[users, items][:, np.newaxis]
    above = (scores[users] > targets).sum(axis=1)
    equal = (scores[users] == targets).sum(axis=1) - 1
    ranks = 1.0 + above + equal / 2.0
    hits = ranks <= k
    return {
        "hr": float(hits.mean()),
        "ndcg": float(np.where(hits, 1.0 / np.log2(1.0 + ranks), 0.0).mean()),
    }


def popularity_scores(world: World) -> np.ndarray:
    """Returns the popularity of each item in the training split, `[users, items]`."""
    counts = np.bincount(world.events[:, 0], minlength=world.config.num_users)
    from_end = np.cumsum(counts)[world.events[:, 0]] - np.arange(len(world.events))
    train = (from_end > 2) | (counts[world.events[:, 0]] < _MIN_EVENTS)
    popularity = np.bincount(world.events[train, 1], minlength=world.config.num_items)
    return np.tile(popularity, [world.config.num_users, 1])
