"""Simple recommenders by what was chosen together, which a model has to beat on known items."""

from collections.abc import Callable

import numpy as np


def ease(chosen: np.ndarray, penalty: float, read: np.ndarray | None = None) -> np.ndarray:
    """Scores by the linear model that tells each item best from the others that a user chose.

    Steck 2019, "Embarrassingly shallow autoencoders for sparse data" (arXiv:1905.03375).

    Args:
        chosen: what each user chose, `[users, items]` of 0 and 1.
        penalty: of the ridge, above 0.
        read: what those chose who are scored, new users among them (default `chosen`).

    Returns:
        Scores, as many rows as `read` has.
    """
    inverse = np.linalg.inv(chosen.T @ chosen + penalty * np.eye(chosen.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return (chosen if read is None else read) @ weights


def item_knn(
    chosen: np.ndarray, neighbours: float, read: np.ndarray | None = None, *, shrink: float = 20.0
) -> np.ndarray:
    """Scores by the cosines to what a user chose, each item heard by its nearest neighbours only.

    Args:
        chosen: as in `ease`.
        neighbours: how many other items have a say in an item.
        read: as in `ease`.
        shrink: added to the product of the lengths, against chance among rare items.

    Returns:
        Scores, as many rows as `read` has.
    """
    together = chosen.T @ chosen
    lengths = np.sqrt(np.diag(together))
    similar = together / (np.outer(lengths, lengths) + shrink)
    np.fill_diagonal(similar, 0.0)
    kept = min(int(neighbours), len(similar) - 1)
    least = -np.partition(-similar, kept - 1, axis=0)[kept - 1]
    return (chosen if read is None else read) @ np.where(similar >= least, similar, 0.0)


# By name, with the parameter's values to choose from.
ITEM_ITEM_BASELINES: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "EASE": (ease, (30.0, 100.0, 200.0, 400.0, 800.0)),
    "item-kNN": (item_knn, (20.0, 50.0, 100.0, 200.0, 400.0)),
}
