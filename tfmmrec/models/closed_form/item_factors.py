"""Item factors whose dot products are the weights of a linear item-item model of low rank."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def low_rank_ease(interactions: "csr_matrix", dim: int, ridge_alpha: float) -> np.ndarray:
    """Computes factors of EASE, a linear model that predicts each item from a user's other items.

    EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data", arXiv:1905.03375) has
    the weights `P_ij / −P_jj` between items i and j, with the inverse `P = (X'X + alpha)^-1`. By
    the singular value decomposition `X = U S V'`, `alpha · P = 1 − F F'` with the factors
    `F = V S (S² + alpha)^-1/2`, of which the largest `dim` columns are kept. The weight of i for j
    is then `f_i · f_j / (1 − |f_j|²)`. The divisor is shared between both items, so that one vector
    per item serves histories and candidates alike: `f_i / sqrt(1 − |f_i|²)`.

    Args:
        interactions: `[users, items]` of 0 and 1.
        dim: the number of factors; the last ones are zeros if there are fewer users or items.
        ridge_alpha: the ridge penalty, above 0.

    Returns:
        float32 `[items, dim]`, zeros for items without interactions.
    """
    # Imported here: scikit-learn and SciPy take a second, and only training needs them.
    from sklearn.utils.extmath import randomized_svd

    num_factors = min(dim, *interactions.shape)
    _, lengths, directions = randomized_svd(interactions, num_factors, random_state=0)
    squares = np.square(lengths)
    factors = directions.T * np.sqrt(squares / (squares + ridge_alpha))  # [items, factors]
    factors /= np.sqrt(1.0 - np.square(factors).sum(axis=1, keepdims=True))
    return np.pad(factors, [(0, 0), (0, dim - num_factors)]).astype(np.float32)
