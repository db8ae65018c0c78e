"""ALS and BPR of the library implicit, which a model has to beat on known items.

They hold vectors of users and items and what was chosen, and no matrix of either by items: large
catalogues are compared with them too.
"""

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
import threadpoolctl
from scipy import sparse

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.ranking.rankers import DotProductRanker, Ranker

# Given what is learned from, a parameter, and what those chose who are scored.
FitFactors = Callable[[sparse.csr_matrix, float, sparse.csr_matrix], Ranker]

_DIM = 64
_SEED = 0
_ALS_CONFIDENCE = 10.0
_ALS_SWEEPS = 15
_BPR_PENALTY = 0.01
_BPR_EPOCHS = 100
# Of BPR, which learns on one thread; above 300,000 choices it takes each less often.
_MOST_STEPS = 3 * 10**7


def als(chosen: sparse.csr_matrix, penalty: float, read: sparse.csr_matrix) -> Ranker:
    """Ranks by implicit alternating least squares.

    Every user's vector is solved for anew from what is read, so that new users have one too. The
    result does not depend on the number of threads.

    Hu et al. 2008, "Collaborative filtering for implicit feedback datasets".

    Args:
        chosen: what each user chose, to learn from, float32 `[users, items]` of 0 and 1.
        penalty: on the squared length of the vectors.
        read: what those chose who are scored, new users among them, with the shape of `chosen`.
    """
    from implicit.als import AlternatingLeastSquares

    with _one_blas_thread():
        model = AlternatingLeastSquares(
            factors=_DIM,
            regularization=penalty,
            alpha=_ALS_CONFIDENCE,
            iterations=_ALS_SWEEPS,
            random_state=_SEED,
            use_gpu=False,
        )
        model.fit(chosen, show_progress=False)

    def user_vectors(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with _one_blas_thread():
            vectors = model.recalculate_user(users, read[users])
        yield users, vectors

    return DotProductRanker(model.item_factors, user_vectors)


def bpr(chosen: sparse.csr_matrix, rate: float, read: sparse.csr_matrix) -> Ranker:
    """Ranks by factors and item biases that were taught which of two items was chosen.

    A user who chose nothing to learn from gets the mean of the vectors of what they chose. It
    learns on one thread: several overwrite each other's steps, and no run is like another.

    Rendle et al. 2009, "BPR: Bayesian personalized ranking from implicit feedback".

    Args:
        chosen: as in `als`.
        rate: the learning rate.
        read: as in `als`; known users are their vectors, whatever is read.
    """
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=_DIM,
        learning_rate=rate,
        regularization=_BPR_PENALTY,
        iterations=max(1, min(_BPR_EPOCHS, _MOST_STEPS // chosen.nnz)),
        num_threads=1,
        random_state=_SEED,
        use_gpu=False,
    )
    model.fit(chosen, show_progress=False)
    known = np.diff(chosen.indptr) > 0

    def user_vectors(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        vectors = model.user_factors[users]
        new = ~known[users]
        own = read[users[new]]
        means = own @ model.item_factors / np.maximum(np.diff(own.indptr), 1)[:, np.newaxis]
        # The last column of items is their bias; that of users, which is 1, stays.
        vectors[new, :-1] = means[:, :-1]
        yield users, vectors

    return DotProductRanker(model.item_factors, user_vectors)


# By name, with the parameter's values to choose from.
FACTORIZATION_BASELINES: dict[str, tuple[FitFactors, tuple[float, ...]]] = {
    "ALS": (als, (1.0, 10.0, 30.0)),
    "BPR": (bpr, (0.01, 0.03, 0.1)),
}


def available_factorizations() -> dict[str, tuple[FitFactors, tuple[float, ...]]]:
    """FACTOR_RIVALS, or nothing where the extra `baselines` is not installed."""
    return FACTORIZATION_BASELINES if importlib.util.find_spec("implicit") else {}


def sparse_interaction_matrix(histories: Histories, num_items: int) -> sparse.csr_matrix:
    """What each user chose, float32 `[users, items]` of 0 and 1."""
    shape = len(histories.offsets) - 1, num_items
    ones = np.ones(len(histories.items), np.float32)
    # A copy, as the items are put in order.
    chosen = sparse.csr_matrix((ones, histories.items, histories.offsets), shape, copy=True)
    chosen.sum_duplicates()
    chosen.data[:] = 1.0
    return chosen


def _one_blas_thread() -> threadpoolctl.threadpool_limits:
    # As implicit advises, and else warns: it has threads of its own, which those of BLAS hinder.
    return threadpoolctl.threadpool_limits(1, "blas")
