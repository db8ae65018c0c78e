"""Matrix factorization baselines for warm items: ALS and BPR of the library implicit.

They keep factors and sparse interactions in memory, no dense matrix, and so suit large catalogs.
"""

import importlib.util
from collections.abc import Iterator

import numpy as np
import threadpoolctl
from scipy import sparse

from tfmmrec.evaluation.baselines.interactions import FitBaseline
from tfmmrec.evaluation.ranking.rankers import DotProductRanker, Ranker

_DIM = 64
_SEED = 0
_ALS_CONFIDENCE = 10.0
_ALS_ITERATIONS = 15
_BPR_PENALTY = 0.01
_BPR_EPOCHS = 100
# Limit for BPR, which trains on one thread: above 300,000 events it trains for fewer epochs.
_MAX_STEPS = 3 * 10**7


def als(interactions: sparse.csr_matrix, penalty: float, histories: sparse.csr_matrix) -> Ranker:
    """Ranks by implicit alternating least squares.

    User factors are solved for from `histories`, so that new users have them too. The result does
    not depend on the number of threads.

    Hu et al. 2008, "Collaborative filtering for implicit feedback datasets".

    Args:
        interactions: training events, float32 `[users, items]` of 0 and 1.
        penalty: L2 regularization of the factors.
        histories: interactions of the users to score, new users included; in the shape of
            `interactions`.
    """
    from implicit.als import AlternatingLeastSquares

    with _one_blas_thread():
        model = AlternatingLeastSquares(
            factors=_DIM,
            regularization=penalty,
            alpha=_ALS_CONFIDENCE,
            iterations=_ALS_ITERATIONS,
            random_state=_SEED,
            use_gpu=False,
        )
        model.fit(interactions, show_progress=False)

    def embed_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with _one_blas_thread():
            vectors = model.recalculate_user(users, histories[users])
        yield users, vectors

    return DotProductRanker(model.item_factors, embed_users)


def bpr(
    interactions: sparse.csr_matrix, learning_rate: float, histories: sparse.csr_matrix
) -> Ranker:
    """Ranks by Bayesian personalized ranking, with item biases.

    A user without training events gets the mean of the factors of the items in the history. It
    trains on one thread: several would overwrite each other's updates, and no run would be
    reproducible.

    Rendle et al. 2009, "BPR: Bayesian personalized ranking from implicit feedback".

    Args:
        interactions: as in `als`.
        learning_rate: of the gradient descent.
        histories: as in `als`; read for users without training events only.
    """
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=_DIM,
        learning_rate=learning_rate,
        regularization=_BPR_PENALTY,
        iterations=max(1, min(_BPR_EPOCHS, _MAX_STEPS // interactions.nnz)),
        num_threads=1,
        random_state=_SEED,
        use_gpu=False,
    )
    model.fit(interactions, show_progress=False)
    known = np.diff(interactions.indptr) > 0

    def embed_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        vectors = model.user_factors[users]
        new = ~known[users]
        own = histories[users[new]]
        means = own @ model.item_factors / np.maximum(np.diff(own.indptr), 1)[:, np.newaxis]
        # The last column is the bias of an item, and 1 for a user.
        vectors[new, :-1] = means[:, :-1]
        yield users, vectors

    return DotProductRanker(model.item_factors, embed_users)


# By name, the function and the candidate values of its hyperparameter.
FACTORIZATION_BASELINES: dict[str, tuple[FitBaseline, tuple[float, ...]]] = {
    "ALS": (als, (1.0, 10.0, 30.0)),
    "BPR": (bpr, (0.01, 0.03, 0.1)),
}


def available_factorizations() -> dict[str, tuple[FitBaseline, tuple[float, ...]]]:
    """Returns FACTORIZATION_BASELINES; empty if the extra `baselines` is not installed."""
    return FACTORIZATION_BASELINES if importlib.util.find_spec("implicit") else {}


def _one_blas_thread() -> threadpoolctl.threadpool_limits:
    # Recommended by implicit, which warns otherwise: BLAS threads slow down its own threads.
    return threadpoolctl.threadpool_limits(1, "blas")
