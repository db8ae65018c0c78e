"""Item-to-item baselines for warm items: EASE and item-kNN.

Both work on sparse interactions. Item-kNN keeps the nearest neighbors of each item only; EASE needs
a dense matrix of items by items, and has one for the most popular items.
"""

from collections.abc import Iterator

import numpy as np
import scipy.linalg
from scipy import sparse

from tfmmrec.evaluation.baselines.interactions import FitBaseline
from tfmmrec.evaluation.ranking.rankers import Ranker, ScoreRanker

# Number of items of EASE. Its matrix takes 0.5 GB, and two such matrices are in memory at a time.
EASE_ITEMS = 8000
# Number of items whose similarities to all others are in memory at a time.
_BLOCK = 512


def ease(interactions: sparse.csr_matrix, penalty: float, histories: sparse.csr_matrix) -> Ranker:
    """Ranks by the linear model that predicts each item from the user's other items.

    In a catalog of more than EASE_ITEMS items, the model has the most popular ones only; the score
    of the others is 0, as is that of items without events.

    Steck 2019, "Embarrassingly shallow autoencoders for sparse data" (arXiv:1905.03375).

    Args:
        interactions: training events, `[users, items]` of 0 and 1.
        penalty: L2 regularization, above 0.
        histories: interactions of the users to score, new users included; in the shape of
            `interactions`.
    """
    num_items = interactions.shape[1]
    rows = np.arange(num_items)
    if num_items > EASE_ITEMS:
        popularity = np.asarray(interactions.sum(axis=0)).ravel()
        rows = np.sort(np.argsort(-popularity, kind="stable")[:EASE_ITEMS])
    weights, own = _ease_weights(interactions[:, rows], penalty), histories[:, rows]

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        scores = np.zeros([len(users), num_items])
        scores[:, rows] = own[users] @ weights
        yield users, scores

    return ScoreRanker(score_users)


def item_knn(
    interactions: sparse.csr_matrix,
    neighbors: float,
    histories: sparse.csr_matrix,
    *,
    shrink: float = 20.0,
) -> Ranker:
    """Ranks by the cosine similarity to the user's items, over the nearest neighbors of an item.

    Args:
        interactions: as in `ease`.
        neighbors: number of nearest neighbors per item, and those as similar as the last of them.
        histories: as in `ease`.
        shrink: added to the product of the lengths, which lowers the similarity of rare items
            (default 20).
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
    own = histories.astype(np.float64)

    def score_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield users, (own[users] @ weights).toarray()

    return ScoreRanker(score_users)


# By name, the function and the candidate values of its hyperparameter.
ITEM_ITEM_BASELINES: dict[str, tuple[FitBaseline, tuple[float, ...]]] = {
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
