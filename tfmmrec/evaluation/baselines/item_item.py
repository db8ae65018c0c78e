"""Item-to-item baselines for warm items: EASE and item-kNN.

Both learn weights between items from sparse interactions, and score by the sum of the weights of a
user's items, which may be weighted by recency. Item-kNN keeps the nearest neighbors of each item
only; EASE needs a dense matrix of items by items, and has one for the most popular items.
"""

import numpy as np
import scipy.linalg
from scipy import sparse

from tfmmrec.evaluation.baselines.score_functions import FitHistoryScores, HistoryScores

# Number of items of EASE. Its matrix takes 0.5 GB, and fitting it needs two. While the weight of
# content is tuned, the one that is fitted to the evaluated split is in memory too.
EASE_ITEMS = 8000
# Number of items whose similarities to all others are in memory at a time.
_BLOCK = 512


def ease(interactions: sparse.csr_matrix, penalty: float) -> HistoryScores:
    """Scores by the linear model that predicts each item from the user's other items.

    In a catalog of more than EASE_ITEMS items, the model has the most popular ones only; the score
    of the others is 0, as is that of items without events.

    Steck 2019, "Embarrassingly shallow autoencoders for sparse data" (arXiv:1905.03375).

    Args:
        interactions: training events, `[users, items]` of 0 and 1.
        penalty: L2 regularization, above 0.

    Returns:
        A function of histories, new users included.
    """
    num_items = interactions.shape[1]
    rows = np.arange(num_items)
    if num_items > EASE_ITEMS:
        popularity = np.asarray(interactions.sum(axis=0)).ravel()
        rows = np.sort(np.argsort(-popularity, kind="stable")[:EASE_ITEMS])
    weights = _ease_weights(interactions[:, rows], penalty)

    def score(histories: sparse.csr_matrix) -> np.ndarray:
        scores = np.zeros(histories.shape)
        scores[:, rows] = histories[:, rows] @ weights
        return scores

    return score


def item_knn(
    interactions: sparse.csr_matrix, neighbors: float, *, shrink: float = 20.0
) -> HistoryScores:
    """Scores by the cosine similarity to the user's items, over the nearest neighbors of an item.

    Args:
        interactions: as in `ease`.
        neighbors: number of nearest neighbors per item, and those as similar as the last of them.
        shrink: added to the product of the lengths, which lowers the similarity of rare items
            (default 20).

    Returns:
        A function of histories, new users included.
    """
    interactions = interactions.astype(np.float64)
    by_item = interactions.T.tocsr()
    lengths = np.sqrt(np.diff(by_item.indptr))
    blocks = []
    for start in range(0, interactions.shape[1], _BLOCK):
        block = (by_item[start : start + _BLOCK] @ interactions).tocsr()
        items = start + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        block.data /= lengths[items] * lengths[block.indices] + shrink
        block.data[block.indices == items] = 0.0
        _keep_largest(block, int(neighbors))
        blocks.append(block)
    weights = sparse.vstack(blocks).T.tocsr()
    return lambda histories: (histories.astype(np.float64) @ weights).toarray()


# By name, the function and the candidate values of its hyperparameter.
ITEM_ITEM_BASELINES: dict[str, tuple[FitHistoryScores, tuple[float, ...]]] = {
    "EASE": (ease, (30.0, 100.0, 200.0, 400.0, 800.0)),
    "item-kNN": (item_knn, (20.0, 50.0, 100.0, 200.0, 400.0)),
}


def _ease_weights(interactions: sparse.csr_matrix, penalty: float) -> np.ndarray:
    """The weights of EASE, `[items, items]`, zero on the diagonal."""
    interactions = interactions.astype(np.float64)
    gram = (interactions.T @ interactions).toarray(order="F")
    np.fill_diagonal(gram, gram.diagonal() + penalty)
    # Inverted in place by its Cholesky factor, with half the time and memory of a general inverse.
    factor, _ = scipy.linalg.lapack.dpotrf(gram, lower=1, overwrite_a=1)
    inverse, _ = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    inverse += np.tril(inverse, -1).T
    inverse /= -inverse.diagonal().copy()
    np.fill_diagonal(inverse, 0.0)
    # scipy multiplies sparse by dense matrices in the order of C.
    return np.ascontiguousarray(inverse)


def _keep_largest(rows: sparse.csr_matrix, num: int) -> None:
    """Keeps the `num` largest values of each row, and those equal to the last of them."""
    for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        if end - start > num:
            own = rows.data[start:end]
            own[own < np.partition(own, -num)[-num]] = 0.0
    rows.eliminate_zeros()
