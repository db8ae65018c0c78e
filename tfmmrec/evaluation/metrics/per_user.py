"""Ranking metrics per user with any number of targets, computed from the ranks."""

import numpy as np


def per_user_metrics(
    users: np.ndarray, ranks: np.ndarray, k: int = 10
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Computes HR, precision, NDCG and MAP of each user at cutoff k.

    For a user with n targets, of which those in the top k have ranks r:

    * HR@k is the share of the targets in the top k, i.e. the user's recall@k.
    * Precision@k is the number of targets in the top k divided by k.
    * NDCG@k is Σ 1 / log2(1 + r), divided by its value with all targets at the top:
      Σ 1 / log2(1 + i) for i from 1 to min(n, k).
    * MAP@k is Σ (number of targets at r or above) / r, divided by min(n, k): the mean precision at
      the ranks of the targets.

    With one target per user, HR and NDCG are those of `ranking_metrics`.

    Args:
        users: the user of each target, int `[targets]`, in any order.
        ranks: float `[targets]`, from 1, among all items ranked for the user; ties may give
            halves.
        k: the cutoff.

    Returns:
        (the users that have targets, ascending, `[users]`; `{"hr@k": [users], "precision@k": …,
        "ndcg@k": …, "map@k": …}`).
    """
    known, rows, counts = np.unique(users, return_inverse=True, return_counts=True)

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(rows, values, minlength=len(known))

    hits = ranks <= k
    found = summed(hits)
    best = np.cumsum(1.0 / np.log2(1.0 + np.arange(1, k + 1)))
    precisions = np.minimum(_count_at_or_above(rows, ranks) / ranks, 1.0)
    ideal_hits = np.minimum(counts, k)
    return known, {
        f"hr@{k}": found / counts,
        # If more than k targets tie, all can have a mean rank within k, but only k fit.
        f"precision@{k}": np.minimum(found, k) / k,
        f"ndcg@{k}": np.minimum(summed(hits / np.log2(1.0 + ranks)) / best[ideal_hits - 1], 1.0),
        f"map@{k}": np.minimum(summed(hits * precisions) / ideal_hits, 1.0),
    }


def _count_at_or_above(rows: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The number of the user's targets at the rank of each target or above, `[targets]`."""
    order = np.lexsort((ranks, rows))
    sorted_rows, sorted_ranks = rows[order], ranks[order]
    # The last target of each run of equal ranks gives the count for the run.
    ends = np.ones(len(order), bool)
    ends[:-1] = (sorted_rows[1:] != sorted_rows[:-1]) | (sorted_ranks[1:] != sorted_ranks[:-1])
    last = np.flatnonzero(ends)[np.cumsum(ends) - ends]
    starts = np.searchsorted(sorted_rows, sorted_rows, side="left")
    counts = np.empty(len(order))
    counts[order] = last - starts + 1
    return counts
