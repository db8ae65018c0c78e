"""Functions that score all items for users: by weighted histories, and by the sum of two others."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from tfmmrec.evaluation.ranking.rankers import Ranker, ScoreRanker

# Given the weighted histories of some users, `[users, items]`, the scores of all items,
# `[users, items]`.
HistoryScores = Callable[[sparse.csr_matrix], np.ndarray]
# Given the training interactions, `[users, items]` of 0 and 1, and a hyperparameter.
FitHistoryScores = Callable[[sparse.csr_matrix, float], HistoryScores]
# Given rows of users, the scores of all items, `[users, items]`.
UserScores = Callable[[np.ndarray], np.ndarray]


def of_histories(score: HistoryScores, histories: sparse.csr_matrix) -> UserScores:
    """Scores the items for users whose weighted histories are the rows of a matrix."""
    return lambda users: score(histories[users])


def blend(first: UserScores, second: UserScores, weight: float) -> UserScores:
    """Returns first / std(first) + weight * second / std(second).

    The standard deviation is that of a user's scores over all items. The two are thus comparable
    whatever the length of the history, with which the scores of item-to-item models grow. If all
    scores of a user are equal, they are not scaled.

    Args:
        first: a score function.
        second: another one.
        weight: of the second, relative to the first.
    """
    return lambda users: _scaled(first(users)) + weight * _scaled(second(users))


def ranker_of(scores: UserScores) -> Ranker:
    """Returns the ranker by a score function."""
    return ScoreRanker(lambda users: iter([(users, scores(users))]))


def _scaled(scores: np.ndarray) -> np.ndarray:
    deviations = scores.std(axis=1, keepdims=True)
    return scores / np.where(deviations > 0.0, deviations, 1.0)
