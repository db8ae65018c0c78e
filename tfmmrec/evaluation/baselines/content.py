"""Content baselines, which also score cold-start items."""

import functools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from sklearn.kernel_ridge import KernelRidge

from tfmmrec.data.histories import Histories
from tfmmrec.encoders.cache.encoding_table import Encodings


class ContentBaselines:
    """Scores all items, including cold-start items, by their content and the users' events.

    Args:
        interactions: `[users, items]` of 0 and 1.
    """

    # By name, the candidate regularization weights.
    alphas: ClassVar[dict[str, tuple[float, ...]]] = {
        "cosine": (0.0,),
        "ridge": (1.0, 3.0, 10.0, 30.0, 100.0),
        "factors": (0.3, 1.0, 3.0, 10.0, 30.0),
    }

    def __init__(self, interactions: np.ndarray):
        self.interactions = interactions
        self.warm = interactions.any(axis=0)

    def scores(self, name: str, content: np.ndarray, alpha: float) -> np.ndarray:
        """Computes the scores of a baseline, `[users, items]`.

        Args:
            name: one of `alphas`.
            content: `[items, width]`.
            alpha: the regularization weight.
        """
        if name == "cosine":
            return self.cosine(content)
        return (self.ridge if name == "ridge" else self.factors)(content, alpha)

    def cosine(self, content: np.ndarray) -> np.ndarray:
        """The cosine similarity of an item to the mean content of the user's items."""
        return unit_rows(self.interactions @ content) @ unit_rows(content).T

    def ridge(self, content: np.ndarray, alpha: float) -> np.ndarray:
        """A ridge regression for each user from content to interactions, fitted on warm items."""
        return self._regressed(content, self.interactions[:, self.warm].T, alpha).T

    def factors(self, content: np.ndarray, alpha: float) -> np.ndarray:
        """User factors of implicit ALS, and item factors predicted from content (ridge regression).

        Gantner et al. 2010, "Learning attribute-to-feature mappings for cold-start
        recommendations".
        """
        users, items = self._factors
        return users @ self._regressed(content, items[self.warm], alpha).T

    @functools.cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        return als(self.interactions)

    def _regressed(self, content: np.ndarray, targets: np.ndarray, alpha: float) -> np.ndarray:
        """Fits targets `[warm items, n]` by content, and predicts them for all items."""
        kernel = content @ content.T
        model = KernelRidge(alpha=alpha, kernel="precomputed")
        model.fit(kernel[np.ix_(self.warm, self.warm)], targets)
        return model.predict(kernel[:, self.warm])


def content_matrix(encoded: Mapping[str, Encodings]) -> np.ndarray:
    """Concatenates all features, each centered over the items and normalized to length 1.

    Categories are multi-hot. A missing feature is zeros.

    Returns:
        float64 `[items, width]`.
    """
    parts = []
    for feature in encoded.values():
        outputs, present = np.asarray(feature.values), feature.present
        if outputs.dtype.kind == "i":
            outputs = (outputs[:, :, np.newaxis] == np.arange(1, outputs.max() + 1)).any(axis=1)
        values = np.zeros(outputs.shape)
        values[present] = outputs[present] - outputs[present].mean(axis=0)
        parts.append(unit_rows(values))
    return np.concatenate(parts, axis=1) / np.sqrt(len(parts))


def interaction_matrix(histories: Histories, num_items: int) -> np.ndarray:
    """Returns the interactions as a dense matrix, float64 `[users, items]` of 0 and 1."""
    interactions = np.zeros([len(histories.offsets) - 1, num_items])
    users = np.repeat(np.arange(len(interactions)), np.diff(histories.offsets))
    interactions[users, histories.items] = 1.0
    return interactions


def als(
    interactions: np.ndarray,
    *,
    dim: int = 64,
    alpha: float = 10.0,
    confidence: float = 10.0,
    sweeps: int = 12,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes user and item factors by implicit alternating least squares.

    Hu et al. 2008, "Collaborative filtering for implicit feedback datasets". Written here, so that
    cold-start baselines do not need the extra `baselines` (which has ALS of the library implicit).

    Args:
        interactions: `[users, items]` of 0 and 1.
        dim: number of factors (default 64).
        alpha: regularization weight (default 10).
        confidence: additional weight of interactions (default 10).
        sweeps: number of iterations (default 12).

    Returns:
        (user factors `[users, dim]`, item factors `[items, dim]`).
    """
    generator = np.random.default_rng(0)
    users, items = (generator.normal(0.0, 0.01, [rows, dim]) for rows in interactions.shape)
    for _ in range(sweeps):
        _solve(users, items, interactions, alpha, confidence)
        _solve(items, users, interactions.T, alpha, confidence)
    return users, items


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Normalizes rows to length 1; rows of zeros are unchanged."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _solve(
    rows: np.ndarray, others: np.ndarray, interactions: np.ndarray, alpha: float, confidence: float
) -> None:
    common = others.T @ others + alpha * np.eye(rows.shape[1])
    for row, interacted in enumerate(interactions):
        own = others[interacted > 0]
        rows[row] = np.linalg.solve(
            common + confidence * own.T @ own, (1.0 + confidence) * own.sum(axis=0)
        )
