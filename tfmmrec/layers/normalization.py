"""Layers that are fitted to the catalogue once, before training."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.pca import fit_pca
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.pooling import AttentionPool


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Standardize(tf.keras.layers.Layer):
    """Takes each component's mean away and divides by its deviation over the catalogue.

    Encoders leave a large common part in all vectors; without centring, a cosine over MiniLM's
    texts ranks less than half as well. The numbers are fitted once, by `fit`, and kept as weights.

    Where a row has several vectors, they are pooled by attention thereafter. A vector of nothing
    but zeros is none: that is what an encoder gives where a row has no further value, and the
    output of one that is there is hardly ever zero to the last component; if it is, it says
    nothing that could be weighed. So the mask needs no place in the cache, nor in a batch.

    Input: float `[batch, width]` or `[batch, n, width]`. Output: float `[batch, width]`.
    """

    def __init__(self, **kwargs: Any):
        # A year is told from the next only before it is brought to half precision.
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.pool = None
        if len(input_shape) == 3:
            self.pool = AttentionPool(name="pool")
            build_layer(self.pool, input_shape)
        # Kept from mixed precision: the scale of a component that hardly varies is beyond float16.
        fitted = {"shape": [width], "trainable": False, "experimental_autocast": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **fitted)
        self.scale = self.add_weight(name="scale", initializer="ones", **fitted)
        super().build(input_shape)

    def fit(self, outputs: np.ndarray) -> None:
        """Fits mean and scale to rows `[rows, width]`; without rows they stay 0 and 1."""
        if not len(outputs):
            return
        deviation = outputs.std(axis=0)
        # A component that hardly varies is left at its own, small, size.
        floor = 1e-3 * max(float(deviation.mean()), 1e-6)
        self.mean.assign(outputs.mean(axis=0))
        self.scale.assign(1.0 / np.maximum(deviation, floor))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        vectors = tf.cast(self.scaled(inputs), self.compute_dtype)
        if self.pool is None:
            return vectors
        return self.pool(vectors, mask=tf.reduce_any(tf.not_equal(inputs, 0.0), axis=-1))

    def scaled(self, inputs: tf.Tensor) -> tf.Tensor:
        """Each vector standardised by itself, float32 of the shape of the inputs."""
        return (tf.cast(inputs, tf.float32) - self.mean) * self.scale


@tf.keras.utils.register_keras_serializable("tfmmrec")
class PrincipalComponents(tf.keras.layers.Layer):
    """Keeps the directions in which the catalogue varies most, at their own sizes.

    A catalogue of some thousand items cannot teach a net what each of an encoder's thousand outputs
    means; what it learns instead is the items by heart, and new ones are misjudged. The directions
    are fitted once, by `fit`, and kept as weights; the result has a mean square of 1 over the
    catalogue. They are not brought to equal size, which would raise the noise of the last ones.

    Input: float `[batch, width]`. Output: float `[batch, num]`.

    Args:
        num: how many directions are kept; where the width or the catalogue has fewer, zeros follow.
    """

    def __init__(self, num: int, **kwargs: Any):
        super().__init__(**kwargs)
        if num < 1:
            raise ValueError(f"num must be at least 1. Received: {num}")
        self.num = num

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.axes = self.add_weight(
            name="axes",
            shape=[width, self.num],
            initializer="identity",
            trainable=False,
            experimental_autocast=False,
        )
        super().build(input_shape)

    def fit(self, outputs: np.ndarray) -> None:
        """Fits the directions to rows `[rows, width]` of mean 0; without rows they stay."""
        if not len(outputs):
            return
        found = fit_pca(outputs, self.num).axes
        size = np.sqrt(np.mean(np.square(outputs @ found)))
        axes = np.zeros(self.axes.shape, np.float32)
        axes[:, : found.shape[1]] = found / max(size, 1e-6)
        self.axes.assign(axes)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.matmul(tf.cast(inputs, tf.float32), self.axes), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num": self.num}
