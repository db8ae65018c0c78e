"""Ranking metrics of each user, who may have several targets, all from their ranks."""

import numpy as np


def per_user_metrics(
    users: np.ndarray, ranks: np.ndarray, k: int = 10
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Gives HR@k and NDCG@k of each user.

    HR@k is the share of the user's targets that rank within k. NDCG@k is Σ 1 / log2(1 + rank) over
    those targets, divided by what it is when the n targets stand first: Σ 1 / log2(1 + i) for i
    from 1 to min(n, k). With one target a user both are what `ranking_metrics` averages.

    Args:
        users: the user of each target, int `[targets]`, in any order.
        ranks: float `[targets]`, ranks from 1 among all that is ranked for the user; ties may give
            halves.
        k: the cutoff.

    Returns:
        (the users that have targets, ascending, `[users]`; `{"hr@k": [users], "ndcg@k": …}`).
    """
    known, places, counts = np.unique(users, return_inverse=True, return_counts=True)
    hits = ranks <= k
    shares = np.bincount(places, hits, minlength=len(known)) / counts
    gains = np.bincount(places, hits / np.log2(1.0 + ranks), minlength=len(known))
    best = np.cumsum(1.0 / np.log2(1.0 + np.arange(1, k + 1)))
    # Of more than k targets that tie, each may stand within k on average, though not all can.
    ndcg = np.minimum(gains / best[np.minimum(counts, k) - 1], 1.0)
    return known, {f"hr@{k}": shares, f"ndcg@{k}": ndcg}
