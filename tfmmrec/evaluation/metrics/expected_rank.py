"""Ranks over the whole catalog with shared ties, so that a collapsed model has no advantage."""

import numpy as np


def expected_ranks(scores: np.ndarray, targets: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    """Ranks the target item of each row among all items of the row.

    The rank is the mean over all orders of items with the same score as the target: a model that
    gives all items the same score gets the mean rank of a random order.

    Args:
        scores: float `[rows, items]`.
        targets: the target item of each row, int `[rows]`.
        excluded: bool `[rows, items]`, items that are not ranked; a target is always ranked.

    Returns:
        The expected rank, float64 `[rows]`, from 1; NaN scores rank last.
    """
    rows = np.arange(len(targets))
    scores = np.where(np.isnan(scores), -np.inf, scores)
    target = scores[rows, targets][:, np.newaxis]
    ranked = ~excluded
    ranked[rows, targets] = False
    above = np.count_nonzero((scores > target) & ranked, axis=1)
    tied = np.count_nonzero((scores == target) & ranked, axis=1)
    return 1.0 + above + tied / 2.0
