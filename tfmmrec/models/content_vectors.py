"""Content vectors: the features of an item as they are compared between items."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.data.plain_names import plain_name
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.fitted_weight import add_fitted_weight
from tfmmrec.layers.pooling import MeanPool
from tfmmrec.layers.unit_length import unit_length

# Vocabularies up to this size are one-hot encoded; larger ones are hashed into this many buckets.
_MAX_ONE_HOT = 512


class ContentVectors(tf.keras.layers.Layer):
    """Each feature of an item, centered and of length 1, zeros if missing.

    Args:
        features: the item features.
    """

    def __init__(self, features: Sequence[FeatureInfo], **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.features = list(features)
        self.means = [
            add_fitted_weight(self, f"mean_{plain_name(info.name)}", [_content_width(info)])
            for info in self.features
        ]

    @property
    def width(self) -> int:
        """The sum of the widths of the features."""
        return sum(_content_width(info) for info in self.features)

    def fit(self, inputs: Mapping[str, Feature]) -> None:
        """Fits the means to items.

        Args:
            inputs: the features of the items.
        """
        for mean, (values, present) in zip(self.means, self._values(inputs), strict=True):
            num_present = tf.reduce_sum(tf.cast(present, tf.float32))
            mean.assign(tf.math.divide_no_nan(tf.reduce_sum(values, axis=0), num_present))

    def call(self, inputs: Mapping[str, Feature]) -> list[tf.Tensor]:
        """Returns float32 `[batch, feature width]` for each feature, see the class.

        Args:
            inputs: the features of the items.
        """
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
