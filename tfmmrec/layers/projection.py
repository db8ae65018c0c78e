"""From an encoder's output to a vector of the towers' own width."""

from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.normalization import PrincipalComponents, Standardize
from tfmmrec.layers.unit_length import unit_length


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
        pca_dim: how many principal components of vectors are read; 0 reads all (default 0).
        units: the width of the hidden layer; 0 leaves it out (default 128).
        dropout: the share of inputs and hidden units dropped in training (default 0.1).
    """

    def __init__(
        self,
        dim: int,
        *,
        vocabulary_size: int = 0,
        pca_dim: int = 0,
        units: int = 128,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.pca_dim = pca_dim
        self.units = units
        self.dropout = dropout
        if vocabulary_size:
            self.embedding = tf.keras.layers.Embedding(vocabulary_size, dim)
        else:
            self.standardize = Standardize()
            self.reduce = PrincipalComponents(pca_dim) if pca_dim else None
            self.hidden = tf.keras.layers.Dense(units, "gelu") if units else None
            self.output_layer = tf.keras.layers.Dense(dim)
            self.drop = Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        if self.vocabulary_size:
            build_layer(self.embedding, input_shape)
        else:
            build_layer(self.standardize, input_shape)
            width = input_shape[-1]
            if self.reduce is not None:
                build_layer(self.reduce, [None, width])
                width = self.pca_dim
            if self.hidden is not None:
                build_layer(self.hidden, [None, width])
                width = self.units
            build_layer(self.output_layer, [None, width])
        super().build(input_shape)

    def fit(self, encoded: Encodings) -> None:
        """Fits the standardisation and the components to the rows that are present."""
        build_layer(self, [None, *encoded.values.shape[1:]])
        if self.vocabulary_size:
            return
        self.standardize.fit(encoded.vectors())
        if self.reduce is not None:
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
            "pca_dim": self.pca_dim,
            "units": self.units,
            "dropout": self.dropout,
        }
