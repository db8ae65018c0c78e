"""Interactions as a sparse matrix, and the functions that fit baselines to them."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.ranking.rankers import Ranker

# Given the training interactions, a hyperparameter, and the interactions of the users to score.
FitBaseline = Callable[[sparse.csr_matrix, float, sparse.csr_matrix], Ranker]


def interaction_matrix(histories: Histories, num_items: int) -> sparse.csr_matrix:
    """Returns the interactions as a sparse matrix, float32 `[users, items]` of 0 and 1."""
    shape = len(histories.offsets) - 1, num_items
    ones = np.ones(len(histories.items), np.float32)
    # A copy, since the items are sorted in place.
    interactions = sparse.csr_matrix((ones, histories.items, histories.offsets), shape, copy=True)
    interactions.sum_duplicates()
    interactions.data[:] = 1.0
    return interactions
