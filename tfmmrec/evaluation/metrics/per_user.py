"""Ranking metrics of each user, who may have several targets, all from their ranks."""

import numpy as np


def per_user_metrics(
    users: np.ndarray, ranks: np.ndarray, k: int = 10
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Gives HR, precision, NDCG and MAP of each user, cut off at k.

    With n targets of a user, of which those within k stand at ranks r:

    * HR@k is the share of the targets within k, which is the user's recall@k.
    * Precision@k is their number over k.
    * NDCG@k is Σ 1 / log2(1 + r), divided by what it is when the targets stand first:
      Σ 1 / log2(1 + i) for i from 1 to min(n, k).
    * MAP@k is Σ (how many targets stand at r or before) / r, divided by min(n, k): the mean of the
      precisions at the targets.

    With one target a user HR and NDCG are what `ranking_metrics` averages.

    Args:
        users: the user of each target, int `[targets]`, in any order.
        ranks: float `[targets]`, ranks from 1 among all that is ranked for the user; ties may give
            halves.
        k: the cutoff.

    Returns:
        (the users that have targets, ascending, `[users]`; `{"hr@k": [users], "precision@k": …,
        "ndcg@k": …, "map@k": …}`).
    """
    known, places, counts = np.unique(users, return_inverse=True, return_counts=True)

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(places, values, minlength=len(known))

    hits = ranks <= k
    found = summed(hits)
    best = np.cumsum(1.0 / np.log2(1.0 + np.arange(1, k + 1)))
    precisions = np.minimum(_at_or_before(places, ranks) / ranks, 1.0)
    most = np.minimum(counts, k)
    return known, {
        f"hr@{k}": found / counts,
        # Of more than k targets that tie, each may stand within k on average, though not all can.
        f"precision@{k}": np.minimum(found, k) / k,
        f"ndcg@{k}": np.minimum(summed(hits / np.log2(1.0 + ranks)) / best[most - 1], 1.0),
        f"map@{k}": np.minimum(summed(hits * precisions) / most, 1.0),
    }


def _at_or_before(places: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """How many targets of the same user stand at a target's rank or before it, `[targets]`."""
    order = np.lexsort((ranks, places))
    sorted_places, sorted_ranks = places[order], ranks[order]
    # The last target of each run of equal ranks says how many there are up to it.
    ends = np.ones(len(order), bool)
    ends[:-1] = (sorted_places[1:] != sorted_places[:-1]) | (sorted_ranks[1:] != sorted_ranks[:-1])
    last = np.flatnonzero(ends)[np.cumsum(ends) - ends]
    starts = np.searchsorted(sorted_places, sorted_places, side="left")
    counts = np.empty(len(order))
    counts[order] = last - starts + 1
    return counts
