"""Simple recommenders by content alone, which a model has to beat on items that nobody chose."""

import functools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from sklearn.kernel_ridge import KernelRidge

from tfmmrec.data.histories import Histories
from tfmmrec.encoders.cache.encoding_table import Encodings


class ContentBaselines:
    """Scores of all items, new ones among them, by what users chose and what items are.

    Args:
        chosen: what each user chose, `[users, items]` of 0 and 1.
    """

    # By name, with the penalties to choose from.
    penalties: ClassVar[dict[str, tuple[float, ...]]] = {
        "cosine": (0.0,),
        "ridge": (1.0, 3.0, 10.0, 30.0, 100.0),
        "factors": (0.3, 1.0, 3.0, 10.0, 30.0),
    }

    def __init__(self, chosen: np.ndarray):
        self.chosen = chosen
        self.known = chosen.any(axis=0)

    def scores(self, name: str, content: np.ndarray, penalty: float) -> np.ndarray:
        """Scores `[users, items]` of one of `penalties`, from content `[items, width]`."""
        if name == "cosine":
            return self.cosine(content)
        return (self.ridge if name == "ridge" else self.factors)(content, penalty)

    def cosine(self, content: np.ndarray) -> np.ndarray:
        """The cosine between an item and the mean of what the user chose."""
        return unit_rows(self.chosen @ content) @ unit_rows(content).T

    def ridge(self, content: np.ndarray, penalty: float) -> np.ndarray:
        """A ridge regression for each user from content to what was chosen, over chosen items."""
        return self._regressed(content, self.chosen[:, self.known].T, penalty).T

    def factors(self, content: np.ndarray, penalty: float) -> np.ndarray:
        """Users' factors of an implicit ALS, and items' factors regressed on their content.

        Gantner et al. 2010, "Learning attribute-to-feature mappings for cold-start
        recommendations".
        """
        users, items = self._factors
        return users @ self._regressed(content, items[self.known], penalty).T

    @functools.cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        return als(self.chosen)

    def _regressed(self, content: np.ndarray, targets: np.ndarray, penalty: float) -> np.ndarray:
        """Fits targets `[known items, n]` by content; returns them for all items."""
        kernel = content @ content.T
        model = KernelRidge(alpha=penalty, kernel="precomputed")
        model.fit(kernel[np.ix_(self.known, self.known)], targets)
        return model.predict(kernel[:, self.known])


def content_matrix(encoded: Mapping[str, Encodings]) -> np.ndarray:
    """All features side by side, each centred over the items and of length 1 an item.

    Categories are ones and zeros; what is absent is zeros. float64 `[items, width]`.
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
    """What each user chose, float64 `[users, items]` of 0 and 1."""
    chosen = np.zeros([len(histories.offsets) - 1, num_items])
    users = np.repeat(np.arange(len(chosen)), np.diff(histories.offsets))
    chosen[users, histories.items] = 1.0
    return chosen


def als(
    chosen: np.ndarray,
    *,
    dim: int = 64,
    penalty: float = 10.0,
    confidence: float = 10.0,
    sweeps: int = 12,
) -> tuple[np.ndarray, np.ndarray]:
    """Implicit alternating least squares; returns user factors and item factors.

    Hu et al. 2008, "Collaborative filtering for implicit feedback datasets".
    """
    generator = np.random.default_rng(0)
    users, items = (generator.normal(0.0, 0.01, [rows, dim]) for rows in chosen.shape)
    for _ in range(sweeps):
        _solve(users, items, chosen, penalty, confidence)
        _solve(items, users, chosen.T, penalty, confidence)
    return users, items


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; zeros stay."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _solve(
    rows: np.ndarray, others: np.ndarray, chosen: np.ndarray, penalty: float, confidence: float
) -> None:
    common = others.T @ others + penalty * np.eye(rows.shape[1])
    for row, mine in enumerate(chosen):
        own = others[mine > 0]
        rows[row] = np.linalg.solve(
            common + confidence * own.T @ own, (1.0 + confidence) * own.sum(axis=0)
        )
