"""From an encoder's output to a vector of the towers' own width."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.encoders import Encoded, FeatureEncoder
from tfmmrec.modalities import Modality
from tfmmrec.pooling import AttentionPool


@dataclasses.dataclass(frozen=True)
class FeatureInfo:
    """What a tower must know of a feature to be built, stored with the run.

    Attributes:
        name: the feature.
        width: the last axis of the encoder's output.
        vocabulary_size: entries to embed where the output is int32, else 0.
        kind: the modality, that of a single value where a feature holds several.
        num_values: how many vectors of this width a row has, to be pooled by the tower; 0 where
            it has one.
    """

    name: str
    width: int
    vocabulary_size: int = 0
    kind: str = ""
    num_values: int = 0

    @classmethod
    def of(
        cls, name: str, modality: Modality, encoder: FeatureEncoder, encoded: Encoded
    ) -> "FeatureInfo":
        """Reads the sizes off an encoder and its output."""
        _, *several, width = encoded.outputs.shape
        kind = modality.element or modality.kind
        return cls(name, int(width), getattr(encoder, "size", 0), kind, *map(int, several))


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

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.pool = AttentionPool(name="pool") if len(input_shape) == 3 else None
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
        standard = (tf.cast(inputs, tf.float32) - self.mean) * self.scale
        vectors = tf.cast(standard, inputs.dtype)
        if self.pool is None:
            return vectors
        return self.pool(vectors, mask=tf.reduce_any(tf.not_equal(inputs, 0.0), axis=-1))


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Projection(tf.keras.layers.Layer):
    """Projects one feature's encoder output to `[batch, dim]`.

    Vectors are standardised, pooled where a row has several, and go through two dense layers;
    vocabulary entries are embedded and averaged. The result has length 1, so that fusion weighs
    features and not their scales.

    Args:
        dim: the width of the result.
        vocabulary_size: entries to embed, or 0 for vectors.
        units: the width of the hidden layer (default 128).
        dropout: the share of inputs and hidden units dropped in training (default 0.1).
    """

    def __init__(
        self,
        dim: int,
        *,
        vocabulary_size: int = 0,
        units: int = 128,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.dropout = dropout
        if vocabulary_size:
            self.embedding = tf.keras.layers.Embedding(vocabulary_size, dim)
        else:
            self.standardize = Standardize()
            self.hidden = tf.keras.layers.Dense(units, "gelu")
            self.output_layer = tf.keras.layers.Dense(dim)
            self.drop = tf.keras.layers.Dropout(dropout)

    def fit(self, encoded: Encoded) -> None:
        """Fits the standardisation to the rows that are present."""
        if not self.vocabulary_size:
            self.standardize.build([None, *encoded.outputs.shape[1:]])
            self.standardize.built = True
            self.standardize.fit(encoded.vectors())

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if self.vocabulary_size:
            vectors = self.embedding(inputs)  # [batch, n, dim]
            known = tf.cast(inputs > 0, vectors.dtype)[..., tf.newaxis]
            total = tf.reduce_sum(vectors * known, axis=1)
            vector = tf.math.divide_no_nan(total, tf.reduce_sum(known, axis=1))
        else:
            vector = self.drop(self.standardize(inputs), training=training)
            vector = self.drop(self.hidden(vector), training=training)
            vector = self.output_layer(vector)
        return unit_length(vector)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "dropout": self.dropout,
        }


def unit_length(vectors: tf.Tensor) -> tf.Tensor:
    """Scales vectors to length 1 along the last axis; a zero vector stays zero.

    A zero vector has no direction to turn, and so no gradient: that of the formula would be
    1 / epsilon, which is more than float16 holds.
    """
    # In float32, since in float16 the epsilon would itself be zero.
    exact = tf.cast(vectors, tf.float32)
    here = tf.reduce_any(exact != 0.0, axis=-1, keepdims=True)
    unit = tf.math.l2_normalize(tf.where(here, exact, 1.0), axis=-1, epsilon=1e-12)
    return tf.cast(tf.where(here, unit, 0.0), vectors.dtype)
