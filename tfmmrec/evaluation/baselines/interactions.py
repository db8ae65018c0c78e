"""Interactions as a sparse matrix, and the functions that fit baselines to them."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from tfmmrec.data.histories import Histories
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.evaluation.ranking.rankers import Ranker

# Given the training interactions, a hyperparameter, and the interactions of the users to score.
FitBaseline = Callable[[sparse.csr_matrix, float, sparse.csr_matrix], Ranker]


def decayed_interaction_matrix(
    histories: Histories, num_items: int, decay: float
) -> sparse.csr_matrix:
    """Returns the interactions weighted by recency, float64 `[users, items]`.

    The weight is decay^age, where age is the number of later events in the history of the user. An
    item with several events has the weight of the latest one, so that a decay of 1 gives the
    `interaction_matrix`.

    Args:
        histories: oldest event first.
        num_items: number of items.
        decay: above 0, at most 1.

    Raises:
        ValueError: the decay is out of range.
    """
    if not 0.0 < decay <= 1.0:
        raise ValueError(f"decay must be above 0 and at most 1. Received: {decay}")
    weighted = interaction_matrix(histories, num_items).astype(np.float64)
    if decay == 1.0:
        return weighted
    counts = np.diff(histories.offsets)
    users = np.repeat(np.arange(len(counts)), counts)
    ages = np.repeat(histories.offsets[1:], counts) - 1 - np.arange(len(users))
    # The positions of the events in `data`, whose rows have their items in ascending order.
    cells = users * num_items + histories.items
    owners = np.repeat(np.arange(len(counts)), np.diff(weighted.indptr))
    positions = np.searchsorted(owners * num_items + weighted.indices, cells)
    # Oldest first: of several events with an item, the latest is written last.
    weighted.data[positions] = decay**ages
    return weighted
