"""Cold-start embeddings: kernel ridge regression from content to trained item embeddings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.plain_names import plain_name
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.pooling import MeanPool
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.cold_start.feature_relevance import fit_feature_weights, item_weights
from tfmmrec.models.cold_start.rbf import rbf, squared_distances

# Vocabularies up to this size are one-hot encoded; larger ones are hashed into this many buckets.
_MAX_ONE_HOT = 512


class ColdStartRegression(tf.keras.layers.Layer):
    """Embeddings of cold-start items: `weight · regression + (1 − weight) · tower`.

    Towers are trained on the items of the training events, and fit these before they generalize to
    others. A ridge regression from the content of trained items to their final embeddings (ids
    included) has a closed form and a single penalty, and does not overfit with longer training. It
    maps attributes to factors, as in Gantner et al. 2010, "Learning attribute-to-feature mappings
    for cold-start recommendations". Items are weighted by the square root of their number of
    training events, since embeddings of items with few events are noisy. The less similar an item
    is to trained items, the shorter is its regressed embedding, and the lower are its scores.

    The inputs of the kernel are the centered features, each of length 1 and zeros if missing. The
    kernel is `exp(−Σ weight · |x − y|² / 2)` over the features. Feature weights sum to 1; features
    that predict interactions get more weight (see `fit_feature_weights`).

    Before `fit` is called, the output is that of the tower.

    Args:
        features: the item features.
        width: the width of the embeddings.
        num_landmarks: the number of trained items that the regression is fitted to.
        weight: of the regression in the output, from 0 to 1 (default 0.3).
        ridge_alpha: the ridge penalty, above 0 (default 0.3).

    Raises:
        ValueError: there are no features or no landmarks.
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        width: int,
        num_landmarks: int,
        weight: float = 0.3,
        ridge_alpha: float = 0.3,
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
        self.weight = weight
        self.ridge_alpha = ridge_alpha
        self.means = [
            self._zeros(f"mean_{plain_name(info.name)}", [_content_width(info)])
            for info in self.features
        ]
        self.feature_weights = self._zeros("feature_weights", [len(self.features)])
        self.feature_weights.assign(tf.fill([len(self.features)], 1.0 / len(self.features)))
        content_width = sum(_content_width(info) for info in self.features)
        self.landmarks = self._zeros("landmarks", [num_landmarks, content_width])
        self.coefficients = self._zeros("coefficients", [num_landmarks, width])
        self.fitted_weight = self._zeros("fitted_weight", [])

    def _zeros(self, name: str, shape: list[int]) -> tf.Variable:
        # float32 in mixed precision: distances are differences of nearly equal numbers.
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
        """Fits the regression to trained items.

        Args:
            inputs: the features of `num_landmarks` items.
            vectors: their embeddings, `[num_landmarks, width]`.
            counts: the number of training events of each, above 0, `[num_landmarks]`.
            factors: their factors from `item_factors`, `[num_landmarks, n]`, to fit the feature
                weights; None keeps equal weights (default None).
        """
        # Imported here, since scikit-learn takes a second and a trained model does not need it.
        from sklearn.kernel_ridge import KernelRidge

        for mean, (values, present) in zip(self.means, self._values(inputs), strict=True):
            num_present = tf.reduce_sum(tf.cast(present, tf.float32))
            mean.assign(tf.math.divide_no_nan(tf.reduce_sum(values, axis=0), num_present))
        if factors is not None:
            contents = [part.numpy() for part in self._contents(inputs)]
            weights = fit_feature_weights(contents, factors, counts, self.ridge_alpha)
            self.feature_weights.assign(weights)
        landmarks = self.kernel_inputs(inputs)
        ridge = KernelRidge(kernel="precomputed", alpha=self.ridge_alpha)
        kernel = _kernel(landmarks, landmarks).numpy()
        ridge.fit(kernel, vectors, sample_weight=item_weights(counts))
        self.landmarks.assign(landmarks)
        self.coefficients.assign(ridge.dual_coef_)
        self.fitted_weight.assign(self.weight)

    def call(self, content: tf.Tensor, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """Computes the embeddings of cold-start items, of the shape and type of `content`.

        Args:
            content: the output of the item tower without ids, `[batch, width]`.
            inputs: the features of the items.
        """

        def mixed() -> tf.Tensor:
            kernel = _kernel(self.kernel_inputs(inputs), self.landmarks)  # [batch, landmarks]
            regressed = tf.matmul(kernel, self.coefficients)  # [batch, width]
            rest = (1.0 - self.fitted_weight) * tf.cast(content, tf.float32)
            return tf.cast(self.fitted_weight * regressed + rest, content.dtype)

        # Skipped before `fit`: validation embeds all items after each epoch.
        return tf.cond(self.fitted_weight > 0.0, mixed, lambda: content)

    def kernel_inputs(self, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """The weighted inputs of the kernel, float32 `[batch, sum of the features' widths]`."""
        weights = tf.unstack(tf.sqrt(self.feature_weights))
        parts = [w * part for w, part in zip(weights, self._contents(inputs), strict=True)]
        return tf.concat(parts, axis=1)

    def _contents(self, inputs: Mapping[str, Feature]) -> list[tf.Tensor]:
        """Each feature, centered and of length 1, zeros if missing, `[batch, feature width]`."""
        return [
            unit_length(tf.where(present[:, tf.newaxis], values - mean, 0.0))
            for mean, (values, present) in zip(self.means, self._values(inputs), strict=True)
        ]

    def _values(self, inputs: Mapping[str, Feature]) -> list[Feature]:
        """Each feature as float32 `[batch, feature width]`, zeros if missing, and its presence."""
        values = []
        for info in self.features:
            encoding, present = inputs[info.name]
            vectors = _to_vectors(info, encoding)
            values.append(Feature(tf.where(present[:, tf.newaxis], vectors, 0.0), present))
        return values


def _kernel(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return rbf(squared_distances(first, second))


def _content_width(info: FeatureInfo) -> int:
    return min(info.vocabulary_size, _MAX_ONE_HOT) if info.vocabulary_size else info.width


def _to_vectors(info: FeatureInfo, encoding: tf.Tensor) -> tf.Tensor:
    """One vector per row: the mean of several vectors, the sum of one-hot vocabulary entries."""
    if info.vocabulary_size:
        return tf.reduce_sum(_one_hot(info, encoding), axis=1)
    encoding = tf.cast(encoding, tf.float32)
    if not info.num_values:
        return encoding
    # A vector of zeros is padding, as in `Standardize`.
    return MeanPool()(encoding, mask=tf.reduce_any(encoding != 0.0, axis=2))


def _one_hot(info: FeatureInfo, entries: tf.Tensor) -> tf.Tensor:
    """Vocabulary entries `[batch, n]` as vectors `[batch, n, width]`; zeros for 0, padding."""
    size = _content_width(info)
    known = entries > 0
    if size == info.vocabulary_size:
        return tf.one_hot(tf.where(known, entries, -1), size)
    # Feature hashing (Weinberger et al. 2009), with Knuth's multiplicative hash.
    hashed = tf.cast(entries, tf.int64) * 2654435761 % 2**32
    signs = tf.where(hashed < 2**31, 1.0, -1.0)[..., tf.newaxis]
    return signs * tf.one_hot(tf.where(known, hashed % size, -1), size)
