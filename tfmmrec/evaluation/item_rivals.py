"""Simple recommenders by what was chosen together, which a model has to beat on known items."""

import numpy as np


def ease(chosen: np.ndarray, penalty: float) -> np.ndarray:
    """Scores by the linear model that tells each item best from the others that a user chose.

    Steck 2019, "Embarrassingly shallow autoencoders for sparse data" (arXiv:1905.03375).

    Args:
        chosen: what each user chose, `[users, items]` of 0 and 1.
        penalty: of the ridge, above 0.

    Returns:
        Scores, `[users, items]`.
    """
    inverse = np.linalg.inv(chosen.T @ chosen + penalty * np.eye(chosen.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return chosen @ weights


def item_knn(chosen: np.ndarray, neighbours: float, shrink: float = 20.0) -> np.ndarray:
    """Scores by the cosines to what a user chose, each item heard by its nearest neighbours only.

    Args:
        chosen: as in `ease`.
        neighbours: how many other items have a say in an item.
        shrink: added to the product of the lengths, against chance among rare items.

    Returns:
        Scores, `[users, items]`.
    """
    together = chosen.T @ chosen
    lengths = np.sqrt(np.diag(together))
    similar = together / (np.outer(lengths, lengths) + shrink)
    np.fill_diagonal(similar, 0.0)
    kept = min(int(neighbours), len(similar) - 1)
    least = -np.partition(-similar, kept - 1, axis=0)[kept - 1]
    return chosen @ np.where(similar >= least, similar, 0.0)


# By name, with the parameter's values to choose from.
ITEM_RIVALS = {
    "EASE": (ease, (30.0, 100.0, 200.0, 400.0, 800.0)),
    "item-kNN": (item_knn, (20.0, 50.0, 100.0, 200.0, 400.0)),
}
