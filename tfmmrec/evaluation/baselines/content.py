"""Content baselines, which also score cold-start items."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np
import scipy.linalg
from scipy import sparse

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.evaluation.baselines.score_functions import HistoryScores
from tfmmrec.evaluation.ranking.rankers import DotProductRanker, Ranker

# Given rows of users, their embeddings [users, width].
UserVectors = Callable[[np.ndarray], np.ndarray]

# Number of users whose embeddings are in memory at a time.
_USERS = 4096


class ContentBaselines:
    """Ranks all items, including cold-start items, by their content and the users' events.

    Each baseline scores by the dot product of an embedding of the user and one of the item, so that
    no matrix of users by items, or of items by items, is needed.

    Args:
        interactions: `[users, items]` of 0 and 1.
    """

    # By name, the candidate regularization weights.
    alphas: ClassVar[dict[str, tuple[float, ...]]] = {
        "cosine": (0.0,),
        "ridge": (1.0, 3.0, 10.0, 30.0, 100.0),
        "factors": (0.3, 1.0, 3.0, 10.0, 30.0),
    }

    def __init__(self, interactions: sparse.csr_matrix):
        self.interactions = interactions.astype(np.float64)
        self.warm = np.flatnonzero(np.diff(interactions.tocsc().indptr))

    def ranker(self, name: str, content: np.ndarray, alpha: float) -> Ranker:
        """Returns the ranker of a baseline.

        Args:
            name: one of `alphas`.
            content: `[items, width]`.
            alpha: the regularization weight.
        """
        user_vectors, item_vectors = self.vectors(name, content, alpha)

        def embed_users(users: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for start in range(0, len(users), _USERS):
                batch = users[start : start + _USERS]
                yield batch, user_vectors(batch)

        return DotProductRanker(item_vectors, embed_users)

    def vectors(
        self, name: str, content: np.ndarray, alpha: float
    ) -> tuple[UserVectors, np.ndarray]:
        """Returns the function that embeds users, and the embeddings of the items.

        Arguments are those of `ranker`.
        """
        if name == "cosine":
            return self.cosine(content)
        return (self.ridge if name == "ridge" else self.factors)(content, alpha)

    def cosine(self, content: np.ndarray) -> tuple[UserVectors, np.ndarray]:
        """The cosine similarity of an item to the mean content of the user's items."""
        return lambda users: unit_rows(self.interactions[users] @ content), unit_rows(content)

    def ridge(self, content: np.ndarray, alpha: float) -> tuple[UserVectors, np.ndarray]:
        """A ridge regression for each user from content to interactions, fitted on warm items."""
        regression, events = self._regression(content, alpha), self.interactions[:, self.warm]
        return lambda users: events[users] @ regression.T, content

    def factors(self, content: np.ndarray, alpha: float) -> tuple[UserVectors, np.ndarray]:
        """User factors of implicit ALS, and item factors predicted from content (ridge regression).

        Gantner et al. 2010, "Learning attribute-to-feature mappings for cold-start
        recommendations".
        """
        users, items = self._factors
        predicted = content @ (self._regression(content, alpha) @ items[self.warm])
        return lambda rows: users[rows], predicted

    @functools.cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        return als(self.interactions)

    def _regression(self, content: np.ndarray, alpha: float) -> np.ndarray:
        """The matrix `[width, warm items]` whose product with targets gives their weights.

        (C'C + alpha)^-1 C' = C' (CC' + alpha)^-1; the smaller of the two is inverted.
        """
        warm = content[self.warm]
        if warm.shape[1] <= warm.shape[0]:
            gram = warm.T @ warm + alpha * np.eye(warm.shape[1])
            return scipy.linalg.solve(gram, warm.T, assume_a="pos")
        kernel = warm @ warm.T + alpha * np.eye(warm.shape[0])
        return scipy.linalg.solve(kernel, warm, assume_a="pos").T


def cosine_scores(content: np.ndarray) -> HistoryScores:
    """Scores by the cosine similarity to the weighted mean content of the user's items.

    `ContentBaselines.cosine` as a function of histories, which may be weighted by recency. In
    float32, since users by items by the width are many products.

    Args:
        content: `[items, width]`.
    """
    items = content.astype(np.float32)
    units = unit_rows(items).T
    return lambda histories: unit_rows(histories.astype(np.float32) @ items) @ units


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
            outputs = _multi_hot(outputs)
        elif outputs.dtype == np.float16:
            outputs = outputs.astype(np.float32)
        values = np.zeros(outputs.shape)
        values[present] = outputs[present] - outputs[present].mean(axis=0)
        parts.append(unit_rows(values))
    return np.concatenate(parts, axis=1) / np.sqrt(len(parts))


def content_size(encoded: Mapping[str, Encodings]) -> int:
    """The number of values of `content_matrix`."""
    found = 0
    for feature in encoded.values():
        values = feature.values
        categories = values.dtype.kind == "i"
        width = values.max(initial=0) if categories else np.prod(values.shape[1:])
        found += len(values) * int(width)
    return found


def _multi_hot(categories: np.ndarray) -> np.ndarray:
    """Converts categories, int `[items, n]` from 1, to bool `[items, categories]`; 0 is padding."""
    found = np.zeros([len(categories), categories.max(initial=0) + 1], bool)
    found[np.arange(len(categories))[:, np.newaxis], categories] = True
    return found[:, 1:]


def als(
    interactions: sparse.csr_matrix,
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
    by_user, by_item = interactions.tocsr(), interactions.T.tocsr()
    for _ in range(sweeps):
        _solve(users, items, by_user, alpha, confidence)
        _solve(items, users, by_item, alpha, confidence)
    return users, items


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Normalizes rows to length 1; rows of zeros are unchanged."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _solve(
    rows: np.ndarray,
    others: np.ndarray,
    interactions: sparse.csr_matrix,
    alpha: float,
    confidence: float,
) -> None:
    common = others.T @ others + alpha * np.eye(rows.shape[1])
    bounds = zip(interactions.indptr[:-1], interactions.indptr[1:], strict=True)
    for row, (start, end) in enumerate(bounds):
        if start == end:
            rows[row] = 0.0
            continue
        own = others[interactions.indices[start:end]]
        rows[row] = np.linalg.solve(
            common + confidence * own.T @ own, (1.0 + confidence) * own.sum(axis=0)
        )
