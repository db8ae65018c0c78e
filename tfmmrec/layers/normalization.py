"""Standardization of encodings, fitted to the catalog once, before training."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.errors import DataError
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.pooling import AttentionPool


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Standardize(tf.keras.layers.Layer):
    """Subtracts the mean of each component over the catalog and divides by its standard deviation.

    Encodings share a large common component: without centering, the cosine of MiniLM encodings
    ranks less than half as well. Mean and scale are fitted once, by `fit`, and stored as weights.
    `tf.keras.layers.Normalization` does not keep a minimum scale and computes in the policy's
    precision.

    If a row has several vectors, they are pooled by attention afterwards. A vector of zeros is
    padding: encoders return zeros for missing values, and practically never for present ones. So
    neither the cache nor a batch has to hold a mask.

    Input: float `[batch, width]` or `[batch, n, width]`. Output: float `[batch, width]`.

    Example:
        >>> layer = Standardize()
        >>> layer.build([None, 1])
        >>> layer.fit([np.array([[1.0], [3.0]], np.float32)])
        >>> layer(tf.constant([[3.0], [2.0]])).numpy().tolist()
        [[1.0], [0.0]]
    """

    def __init__(self, **kwargs: Any):
        # No autocast: float16 cannot distinguish successive years.
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.pool = None
        if len(input_shape) == 3:
            self.pool = AttentionPool(name="pool")
            build_layer(self.pool, input_shape)
        # float32 in mixed precision: the scale of a component of low variance overflows float16.
        options = {"shape": [width], "trainable": False, "experimental_autocast": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **options)
        self.scale = self.add_weight(name="scale", initializer="ones", **options)
        super().build(input_shape)

    def fit(self, blocks: Iterable[np.ndarray]) -> None:
        """Fits mean and scale to encodings, which are read once.

        Args:
            blocks: the encodings, `[rows, width]` each; without rows mean and scale stay 0 and 1.

        Raises:
            DataError: the mean or the standard deviation is not finite in float32.
        """
        moments = _Moments(self.mean.shape[0])
        with np.errstate(over="ignore", invalid="ignore"):
            for block in blocks:
                moments.add(block)
            if not moments.num_rows:
                return
            mean = moments.mean.astype(np.float32)
            deviation = np.sqrt(moments.variance.astype(np.float32))
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
            raise DataError("the mean or the standard deviation of the encodings is not finite")
        # A component of very low variance is not scaled up to 1.
        floor = 1e-3 * max(float(deviation.mean()), 1e-6)
        self.mean.assign(mean)
        self.scale.assign(1.0 / np.maximum(deviation, floor))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        vectors = tf.cast(self.scaled(inputs), self.compute_dtype)
        if self.pool is None:
            return vectors
        return self.pool(vectors, mask=tf.reduce_any(tf.not_equal(inputs, 0.0), axis=-1))

    def scaled(self, inputs: tf.Tensor) -> tf.Tensor:
        """Standardizes each vector without pooling; float32, of the shape of the inputs."""
        return (tf.cast(inputs, tf.float32) - self.mean) * self.scale


class _Moments:
    """Mean and variance of the rows of blocks, in float64 (Chan et al. 1983)."""

    def __init__(self, width: int):
        self.num_rows = 0
        self.mean = np.zeros(width)
        self._squares = np.zeros(width)

    def add(self, block: np.ndarray) -> None:
        """Adds rows, `[rows, width]`."""
        if not len(block):
            return
        rows = block.astype(np.float64)
        mean, total = rows.mean(axis=0), self.num_rows + len(rows)
        difference = mean - self.mean
        self._squares += np.square(rows - mean).sum(axis=0)
        self._squares += np.square(difference) * (self.num_rows * len(rows) / total)
        self.mean += difference * (len(rows) / total)
        self.num_rows = total

    @property
    def variance(self) -> np.ndarray:
        """The mean square of the distances to the mean, `[width]`."""
        return self._squares / self.num_rows
