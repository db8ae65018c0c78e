"""Terms of the score in closed form, beside the towers: item-item, content and popularity."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.fitted_weight import add_fitted_weight
from tfmmrec.models.content_vectors import ContentVectors

# An item of the history with `age` later items weighs `decay ** age`.
DECAYS = (1.0, 0.7)
# The weights of the terms before they are fitted: of the towers, of popularity, and of the
# item-item and the content term with each decay. They are near the medians of what was fitted on
# MovieLens-100K and on logs of 150 to 600 of its users.
DEFAULT_WEIGHTS = np.array([0.6, 0.25, 8.0, 8.0, 0.1, 1.0], np.float32)
# The parts of an item's embedding that are scaled for cold-start items.
PARTS = ("towers", "item_item", "content", "popularity")


class ClosedFormTerms(tf.keras.layers.Layer):
    """Adds terms to the score of the towers that a small log teaches better than a training does.

    The score of item i for a user with the history j = 1, 2, … is

        w_0 · towers + w_1 · log(1 + n_i) + Σ_d (a_d · ⟨h_d, f_i⟩ + c_d · ⟨g_d, x_i⟩),

    where n_i is the number of training events of the item, f_i its factors in an item-item model
    (see `low_rank_ease`), and x_i the principal components of its content. h_d and g_d are the sums
    of the factors and components of the history, in which the weight of an item with k later ones
    is dᵏ, divided by the Euclidean length of these weights, for the decays d = 1 and 0.7. The
    weights w, a and c are fitted to the valid split (`tfmmrec.training.term_weights`), so that the
    score is a stacked ensemble (Wolpert 1992, "Stacked generalization").

    All terms are products of a vector of the user and one of the item. They are concatenated with
    those of the towers, so that the score stays one dot product.

    The factors and the popularity of a cold-start item are regressed from its content, see
    `ColdStartRegression`. Since what is regressed is less reliable, each of the four `PARTS` of its
    embedding is multiplied by a scale (`cold_scales`).

    Args:
        num_items: the number of items.
        dim: the number of factors, and of components of the content.
        contents: the content vectors of items; None without features.
    """

    def __init__(
        self, num_items: int, dim: int, contents: ContentVectors | None = None, **kwargs: Any
    ):
        super().__init__(autocast=False, **kwargs)
        self.dim = dim
        self.contents = contents
        self.factors = add_fitted_weight(self, "factors", [num_items, dim])
        self.components = None
        if contents is not None:
            self.components = add_fitted_weight(self, "components", [contents.width, dim])
        # Zeros until the terms are fitted.
        self.term_weights = add_fitted_weight(self, "term_weights", [len(DEFAULT_WEIGHTS)])
        self.cold_scales = add_fitted_weight(self, "cold_scales", [len(PARTS)])
        # The regression of the popularity has no intercept.
        self.mean_popularity = add_fitted_weight(self, "mean_popularity", [])

    @property
    def is_fitted(self) -> bool:
        """Whether items have columns for the terms: since `fit`, or in a restored model."""
        with tf.init_scope():
            return bool(np.any(self.term_weights.numpy()))

    @property
    def width(self) -> int:
        """The number of columns that the terms add to the embedding of an item."""
        return 2 * self.dim + 1

    def fit(self, factors: np.ndarray, contents: np.ndarray | None) -> None:
        """Sets the factors and the components, and default weights if there are none.

        Args:
            factors: of all items, `[items, dim]`.
            contents: content vectors of some items, `[rows, contents.width]`, of which the
                principal components are computed; None without features.
        """
        self.factors.assign(factors)
        if self.components is not None:
            assert contents is not None
            self.components.assign(_principal_directions(contents, self.dim))
        if not self.is_fitted:
            self.term_weights.assign(DEFAULT_WEIGHTS)
            self.cold_scales.assign(tf.ones(len(PARTS)))

    def columns(
        self, rows: tf.Tensor, counts: tf.Tensor, inputs: Mapping[str, Feature]
    ) -> tf.Tensor:
        """The columns of items of the catalog, float32 `[batch, 2 · dim + 1]`.

        Args:
            rows: int32 `[batch]`.
            counts: float `[batch]`, the number of training events of each; 0 for an item that is
                treated as unknown, which has no factors.
            inputs: the features of the items.
        """
        factors = tf.nn.embedding_lookup(self.factors, rows)
        factors = tf.where(counts[:, tf.newaxis] > 0.0, factors, 0.0)
        content = self._content(inputs, tf.shape(rows)[0])
        return tf.concat([factors, content, tf.math.log1p(counts)[:, tf.newaxis]], axis=1)

    def cold_columns(self, regressed: tf.Tensor, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """The scaled columns of cold-start items, float32 `[batch, 2 · dim + 1]`.

        Args:
            regressed: `[batch, dim + 1]`, the regressed factors and popularity.
            inputs: the features of the items.
        """
        _, item_item, content, popularity = tf.unstack(self.cold_scales)
        return tf.concat(
            [
                item_item * regressed[:, :-1],
                content * self._content(inputs, tf.shape(regressed)[0]),
                popularity * (self.mean_popularity + regressed[:, -1:]),
            ],
            axis=1,
        )

    def fit_targets(self, columns: np.ndarray) -> np.ndarray:
        """Centers the popularity of trained items, and returns what of their columns is regressed.

        Args:
            columns: `[items, 2 · dim + 1]`.

        Returns:
            `[items, dim + 1]`.
        """
        factors, popularity = columns[:, : self.dim], columns[:, -1:]
        self.mean_popularity.assign(popularity.mean())
        return np.concatenate([factors, popularity - popularity.mean()], axis=1)

    def histories(self, columns: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The weighted sums of the columns of a history, float32 `[batch, decays, 2 · dim]`.

        Args:
            columns: of the items of each history, oldest first, `[batch, n, 2 · dim + 1]`.
            mask: bool `[batch, n]`, True at items.
        """
        is_item = tf.cast(mask, tf.float32)
        ages = tf.cumsum(is_item, axis=1, exclusive=True, reverse=True)  # [batch, n]
        decays = tf.constant(DECAYS)[tf.newaxis, :, tf.newaxis]
        weights = tf.pow(decays, ages[:, tf.newaxis]) * is_item[:, tf.newaxis]
        weights = tf.math.l2_normalize(weights, axis=2)  # [batch, decays, n]
        return tf.matmul(weights, columns[..., :-1])

    def term_queries(self, queries: tf.Tensor, columns: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """What the embeddings of items are multiplied with for each term.

        Args:
            queries: of the towers, `[batch, width]`.
            columns: see `histories`.
            mask: see `histories`.

        Returns:
            `[batch, terms, width + 2 · dim + 1]`, in the order of `term_weights`.
        """
        num_users, tower_width = tf.shape(queries)[0], queries.shape[1]
        sums = self.histories(columns, mask)  # [batch, decays, 2 * dim]
        beside = [
            tf.pad(queries, [(0, 0), (0, self.width)])[:, tf.newaxis],
            tf.one_hot(
                tf.fill([num_users, 1], tower_width + 2 * self.dim), tower_width + self.width
            ),
            tf.pad(sums[..., : self.dim], [(0, 0), (0, 0), (tower_width, self.dim + 1)]),
            tf.pad(sums[..., self.dim :], [(0, 0), (0, 0), (tower_width + self.dim, 1)]),
        ]
        return tf.concat(beside, axis=1)

    def queries(self, queries: tf.Tensor, columns: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The weighted sum of `term_queries`, `[batch, width + 2 · dim + 1]`."""
        terms = self.term_queries(queries, columns, mask)
        return tf.tensordot(terms, self.term_weights, [[1], [0]])

    def part_slices(self, tower_width: int) -> list[slice]:
        """The columns of each of the `PARTS` in the embedding of an item."""
        bounds = np.cumsum([0, tower_width, self.dim, self.dim, 1]).tolist()
        return [slice(*pair) for pair in itertools.pairwise(bounds)]

    def describe(self) -> dict[str, Any]:
        """The weights of the terms and the scales of cold-start items, as JSON."""
        towers, popularity, *rest = self.term_weights.numpy().round(4).tolist()
        by_decay = [str(decay) for decay in DECAYS]
        return {
            "towers": towers,
            "popularity": popularity,
            "item_item": dict(zip(by_decay, rest[: len(DECAYS)], strict=True)),
            "content": dict(zip(by_decay, rest[len(DECAYS) :], strict=True)),
            "cold_scales": dict(
                zip(PARTS, self.cold_scales.numpy().round(4).tolist(), strict=True)
            ),
        }

    def _content(self, inputs: Mapping[str, Feature], num_rows: tf.Tensor) -> tf.Tensor:
        if self.contents is None:
            return tf.zeros([num_rows, self.dim])
        return tf.matmul(concatenate(self.contents(inputs)), self.components)


def concatenate(contents: list[tf.Tensor]) -> tf.Tensor:
    """Content vectors with equal weights, of length 1 if no feature is missing."""
    return tf.concat(contents, axis=1) / len(contents) ** 0.5


def _principal_directions(contents: np.ndarray, dim: int) -> np.ndarray:
    """The directions of largest variance, `[width, dim]`; zeros beyond the rank.

    They are not centered, so that products of components approximate products of contents.
    """
    # Imported here: scikit-learn and SciPy take a second, and only training needs them.
    from sklearn.utils.extmath import randomized_svd

    num = min(dim, *contents.shape)
    _, _, directions = randomized_svd(contents, num, random_state=0)
    return np.pad(directions.T, [(0, 0), (0, dim - num)])
