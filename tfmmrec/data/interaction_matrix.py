"""The interactions of all users as a sparse matrix."""

from typing import TYPE_CHECKING

import numpy as np

from tfmmrec.data.histories import Histories

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def interaction_matrix(histories: Histories, num_items: int) -> "csr_matrix":
    """Returns the interactions as a sparse matrix, float32 `[users, items]` of 0 and 1."""
    # Imported here: SciPy takes a second, and most of what reads data does not need it.
    from scipy.sparse import csr_matrix

    shape = len(histories.offsets) - 1, num_items
    ones = np.ones(len(histories.items), np.float32)
    # A copy, since the items are sorted in place.
    interactions = csr_matrix((ones, histories.items, histories.offsets), shape, copy=True)
    interactions.sum_duplicates()
    interactions.data[:] = 1.0
    return interactions
