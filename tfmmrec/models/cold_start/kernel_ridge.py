"""Vectors of new items, regressed on content from the vectors of those that users know."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.kernel_ridge import KernelRidge

from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.pooling import MeanPool
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.cold_start.feature_relevance import item_weights, relevance
from tfmmrec.models.cold_start.rbf import rbf, squared_distances

# Categories up to this many are told apart; more are hashed into so many.
_EXACT_ENTRIES = 512


class ContentRegression(tf.keras.layers.Layer):
    """Vectors of new items: `share · regressed + (1 − share) · content`.

    Towers are trained on the items that users chose, and learn these by heart before they say much
    of others. A regression of what these items have become, ids and all, on their content has a
    closed form and one penalty, and stays good however long the towers were trained. It maps
    attributes to factors as in Gantner et al. 2010, "Learning attribute-to-feature mappings for
    cold-start recommendations", by kernel ridge regression, and weighs items by the square root of
    how often they were chosen, since the vectors of the others are noise for the most part. What is
    regressed is the shorter, the less the known items tell of such content, which ranks it behind
    what is better known.

    Regressed on are the features side by side, each less its mean and of length 1, and zeros where
    absent. The kernel is `exp(−Σ weight · |x − y|² / 2)`. The weights of features sum to one; those
    that tell what users choose get more (see `relevance`).

    Until `fit` is called the result is the content.

    Args:
        features: the item features.
        width: of the result.
        num_landmarks: how many known items the regression is fitted to, and compares new ones with.
        share: of the regression in the result, from 0 to 1.
        penalty: of the ridge, above 0.

    Raises:
        ValueError: there are no features or landmarks.
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        width: int,
        num_landmarks: int,
        share: float = 0.3,
        penalty: float = 0.3,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        if not features or num_landmarks < 1:
            raise ValueError(
                "A regression needs features and landmarks. "
                f"Received: {len(features)} features, {num_landmarks} landmarks"
            )
        self.features = list(features)
        self.width = width
        self.num_landmarks = num_landmarks
        self.share = share
        self.penalty = penalty
        self.means = [
            self._zeros(f"mean_{info.name}", [_content_width(info)]) for info in self.features
        ]
        self.weights_of_features = self._zeros("weights", [len(self.features)])
        self.weights_of_features.assign(tf.fill([len(self.features)], 1.0 / len(self.features)))
        content_width = sum(_content_width(info) for info in self.features)
        self.landmarks = self._zeros("landmarks", [num_landmarks, content_width])
        self.coefficients = self._zeros("coefficients", [num_landmarks, width])
        self.fitted_share = self._zeros("fitted_share", [])

    def _zeros(self, name: str, shape: list[int]) -> tf.Variable:
        # Kept from mixed precision: distances of contents are differences of near numbers.
        return self.add_weight(
            name=name,
            shape=shape,
            initializer="zeros",
            trainable=False,
            experimental_autocast=False,
        )

    def fit(
        self,
        inputs: Mapping[str, Feature],
        vectors: np.ndarray,
        counts: np.ndarray,
        factors: np.ndarray | None = None,
    ) -> None:
        """Fits the regression to items that users know.

        Args:
            inputs: the features of `num_landmarks` items.
            vectors: what they have become, `[num_landmarks, width]`.
            counts: how often each was chosen, above 0, `[num_landmarks]`.
            factors: what users' choices alone say of them, `[num_landmarks, n]` (see
                `item_factors`), to weigh the features by; None leaves the weights equal.
        """
        for mean, (raw, present) in zip(self.means, self._raw(inputs), strict=True):
            here = tf.cast(present, tf.float32)[:, tf.newaxis]
            mean.assign(tf.math.divide_no_nan(tf.reduce_sum(raw, axis=0), tf.reduce_sum(here)))
        if factors is not None:
            contents = [part.numpy() for part in self._contents(inputs)]
            self.weights_of_features.assign(relevance(contents, factors, counts, self.penalty))
        told = self.told(inputs)
        ridge = KernelRidge(kernel="precomputed", alpha=self.penalty)
        ridge.fit(_kernel(told, told).numpy(), vectors, sample_weight=item_weights(counts))
        self.landmarks.assign(told)
        self.coefficients.assign(ridge.dual_coef_)
        self.fitted_share.assign(self.share)

    def call(self, content: tf.Tensor, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """Gives the vectors of new items, of the shape and type of their contents.

        Args:
            content: what the tower makes of the features, `[batch, width]`.
            inputs: the features.
        """

        def mixed() -> tf.Tensor:
            kernel = _kernel(self.told(inputs), self.landmarks)
            regressed = tf.matmul(kernel, self.coefficients)
            rest = (1.0 - self.fitted_share) * tf.cast(content, tf.float32)
            return tf.cast(self.fitted_share * regressed + rest, content.dtype)

        # While towers are trained, each epoch asks for all vectors.
        return tf.cond(self.fitted_share > 0.0, mixed, lambda: content)

    def told(self, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """What the kernel compares, float32 `[batch, sum of the features' widths]`."""
        weights = tf.unstack(tf.sqrt(self.weights_of_features))
        parts = [w * part for w, part in zip(weights, self._contents(inputs), strict=True)]
        return tf.concat(parts, axis=1)

    def _contents(self, inputs: Mapping[str, Feature]) -> list[tf.Tensor]:
        """Each feature less its mean and of length 1, zeros where absent."""
        return [
            unit_length(tf.where(present[:, tf.newaxis], raw - mean, 0.0))
            for mean, (raw, present) in zip(self.means, self._raw(inputs), strict=True)
        ]

    def _raw(self, inputs: Mapping[str, Feature]) -> list[Feature]:
        """Each feature as a float32 vector a row, zeros where absent, and where it is present."""
        given = [
            (_vector_of(info, inputs[info.name][0]), inputs[info.name][1]) for info in self.features
        ]
        return [(tf.where(here[:, tf.newaxis], raw, 0.0), here) for raw, here in given]


def _kernel(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return rbf(squared_distances(first, second))


def _content_width(info: FeatureInfo) -> int:
    return min(info.vocabulary_size, _EXACT_ENTRIES) if info.vocabulary_size else info.width


def _vector_of(info: FeatureInfo, output: tf.Tensor) -> tf.Tensor:
    """Several vectors become their mean, entries of a vocabulary the sum of their directions."""
    if info.vocabulary_size:
        return tf.reduce_sum(_directions(info, output), axis=1)
    output = tf.cast(output, tf.float32)
    if not info.num_values:
        return output
    # A vector of zeros is none, as in `Standardize`.
    here = tf.reduce_any(output != 0.0, axis=2)
    return MeanPool()(output, mask=here)


def _directions(info: FeatureInfo, entries: tf.Tensor) -> tf.Tensor:
    """Entries `[batch, n]` as directions `[batch, n, width]`, zeros where the entry is 0: none."""
    size = _content_width(info)
    known = entries > 0
    if size == info.vocabulary_size:
        return tf.one_hot(tf.where(known, entries, -1), size)
    # Feature hashing (Weinberger et al. 2009), with Knuth's multiplicative hash.
    hashed = tf.cast(entries, tf.int64) * 2654435761 % 2**32
    signs = tf.where(hashed < 2**31, 1.0, -1.0)[..., tf.newaxis]
    return signs * tf.one_hot(tf.where(known, hashed % size, -1), size)
