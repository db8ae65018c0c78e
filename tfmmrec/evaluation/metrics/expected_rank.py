"""Ranks that a collapsed model cannot game: over the whole catalogue, ties shared."""

import numpy as np


def expected_ranks(scores: np.ndarray, targets: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    """Ranks each row's target among all items of the row.

    Items with the target's own score are taken to stand before and after it equally often, so the
    rank is the mean over all orders of the ties: a model that scores all items alike gets what
    random order gets.

    Args:
        scores: float `[rows, items]`.
        targets: the item of each row, int `[rows]`.
        left_out: bool `[rows, items]`, items that are not ranked; a target is always ranked.

    Returns:
        float64 `[rows]`, the expected rank, from 1; NaN scores rank last.
    """
    rows = np.arange(len(targets))
    scores = np.where(np.isnan(scores), -np.inf, scores)
    target = scores[rows, targets][:, np.newaxis]
    ranked = ~left_out
    ranked[rows, targets] = False
    above = np.count_nonzero((scores > target) & ranked, axis=1)
    level = np.count_nonzero((scores == target) & ranked, axis=1)
    return 1.0 + above + level / 2.0
