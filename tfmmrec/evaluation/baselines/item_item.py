"""Item-to-item baselines for warm items: EASE and item-kNN."""

from collections.abc import Callable

import numpy as np


def ease(
    interactions: np.ndarray, penalty: float, histories: np.ndarray | None = None
) -> np.ndarray:
    """Scores by the linear model that predicts each item from the user's other items.

    Steck 2019, "Embarrassingly shallow autoencoders for sparse data" (arXiv:1905.03375).

    Args:
        interactions: training events, `[users, items]` of 0 and 1.
        penalty: L2 regularization, above 0.
        histories: interactions of the users to score, new users included (default `interactions`).

    Returns:
        Scores, `[users, items]`, of the rows of `histories`.
    """
    inverse = np.linalg.inv(interactions.T @ interactions + penalty * np.eye(interactions.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return (interactions if histories is None else histories) @ weights


def item_knn(
    interactions: np.ndarray,
    neighbors: float,
    histories: np.ndarray | None = None,
    *,
    shrink: float = 20.0,
) -> np.ndarray:
    """Scores by the cosine similarity to the user's items, over the nearest neighbors of an item.

    Args:
        interactions: as in `ease`.
        neighbors: number of nearest neighbors per item.
        histories: as in `ease`.
        shrink: added to the product of the lengths, which lowers the similarity of rare items
            (default 20).

    Returns:
        Scores, `[users, items]`, of the rows of `histories`.
    """
    cooccurrence = interactions.T @ interactions
    lengths = np.sqrt(np.diag(cooccurrence))
    similarity = cooccurrence / (np.outer(lengths, lengths) + shrink)
    np.fill_diagonal(similarity, 0.0)
    num = min(int(neighbors), len(similarity) - 1)
    least = -np.partition(-similarity, num - 1, axis=0)[num - 1]
    return (interactions if histories is None else histories) @ np.where(
        similarity >= least, similarity, 0.0
    )


# By name, the function and the candidate values of its hyperparameter.
ITEM_ITEM_BASELINES: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "EASE": (ease, (30.0, 100.0, 200.0, 400.0, 800.0)),
    "item-kNN": (item_knn, (20.0, 50.0, 100.0, 200.0, 400.0)),
}
