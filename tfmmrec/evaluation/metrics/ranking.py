"""Ranking metrics per target, computed from its rank."""

from collections.abc import Iterable

import numpy as np

# The default cutoffs k.
CUTOFFS = (10, 20)


def ranking_metrics(ranks: np.ndarray, cutoffs: Iterable[int] = CUTOFFS) -> dict[str, float]:
    """Computes HR, NDCG and MRR, averaged over targets.

    With one relevant item, HR@k is 1 when its rank is at most k, NDCG@k is then 1 / log2(1 + rank)
    (the ideal gain is 1), and MRR is 1 / rank.

    Args:
        ranks: float `[targets]`, ranks from 1; ties may give halves.
        cutoffs: the k of HR@k and NDCG@k.

    Returns:
        Means by name, such as `hr@10`; 0 if there are no targets.
    """
    if not len(ranks):
        ranks = np.array([np.inf])
    return {name: float(np.mean(values)) for name, values in target_metrics(ranks, cutoffs).items()}


def target_metrics(ranks: np.ndarray, cutoffs: Iterable[int] = CUTOFFS) -> dict[str, np.ndarray]:
    """Computes HR, NDCG and MRR of each target: by name, float64 `[targets]`."""
    metrics = {}
    for k in cutoffs:
        hits = ranks <= k
        metrics[f"hr@{k}"] = hits.astype(float)
        metrics[f"ndcg@{k}"] = hits / np.log2(1.0 + ranks)
    metrics["mrr"] = 1.0 / ranks
    return metrics
