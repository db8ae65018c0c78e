"""From an encoder's output to a vector of the towers' own width."""

import dataclasses
from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.output_table import Encoded
from tfmmrec.layers.normalization import PrincipalComponents, Standardize
from tfmmrec.modalities import Modality


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
        components: how many principal components of it the tower reads; 0 is all.
    """

    name: str
    width: int
    vocabulary_size: int = 0
    kind: str = ""
    num_values: int = 0
    components: int = 0

    @classmethod
    def of(
        cls,
        name: str,
        modality: Modality,
        encoder: FeatureEncoder,
        encoded: Encoded,
        *,
        components: int = 0,
    ) -> "FeatureInfo":
        """Reads the sizes off an encoder and its output."""
        _, *several, width = encoded.outputs.shape
        kind = modality.element or modality.kind
        size = getattr(encoder, "size", 0)
        num_values = int(several[0]) if several else 0
        return cls(name, int(width), size, kind, num_values, components)


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Projection(tf.keras.layers.Layer):
    """Projects one feature's encoder output to `[batch, dim]`.

    Vectors are standardised, pooled where a row has several, reduced to their principal components
    where that is asked for, and go through a hidden layer, where there is one, and a linear one;
    vocabulary entries are embedded and averaged. The result has length 1, so that fusion weighs
    features and not their scales.

    Args:
        dim: the width of the result.
        vocabulary_size: entries to embed, or 0 for vectors.
        components: how many principal components of vectors are read; 0 reads all (default 0).
        units: the width of the hidden layer; 0 leaves it out (default 128).
        dropout: the share of inputs and hidden units dropped in training (default 0.1).
    """

    def __init__(
        self,
        dim: int,
        *,
        vocabulary_size: int = 0,
        components: int = 0,
        units: int = 128,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.components = components
        self.units = units
        self.dropout = dropout
        if vocabulary_size:
            self.embedding = tf.keras.layers.Embedding(vocabulary_size, dim)
        else:
            self.standardize = Standardize()
            self.reduce = PrincipalComponents(components) if components else None
            self.hidden = tf.keras.layers.Dense(units, "gelu") if units else None
            self.output_layer = tf.keras.layers.Dense(dim)
            self.drop = Dropout(dropout)

    def fit(self, encoded: Encoded) -> None:
        """Fits the standardisation and the components to the rows that are present."""
        if self.vocabulary_size:
            return
        self.standardize.build([None, *encoded.outputs.shape[1:]])
        self.standardize.fit(encoded.vectors())
        if self.reduce is not None:
            self.reduce.build([None, encoded.outputs.shape[-1]])
            self.reduce.fit(self.standardize.scaled(encoded.vectors()).numpy())

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if self.vocabulary_size:
            vectors = self.embedding(inputs)  # [batch, n, dim]
            known = tf.cast(inputs > 0, vectors.dtype)[..., tf.newaxis]
            total = tf.reduce_sum(vectors * known, axis=1)
            vector = tf.math.divide_no_nan(total, tf.reduce_sum(known, axis=1))
        else:
            vector = self.standardize(inputs)
            vector = vector if self.reduce is None else self.reduce(vector)
            vector = self.drop(vector, training=training)
            if self.hidden is not None:
                vector = self.drop(self.hidden(vector), training=training)
            vector = self.output_layer(vector)
        return unit_length(vector)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "vocabulary_size": self.vocabulary_size,
            "components": self.components,
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
