"""Projection: maps the encoding of a feature to the width of the embeddings."""

from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.gelu import gelu
from tfmmrec.layers.normalization import Standardize
from tfmmrec.layers.unit_length import unit_length

# A vocabulary of at most so many entries is multiplied with their numbers of occurrences.
_MAX_COUNTED = 128
# The hidden layer of a number needs no more units than this, whatever those of a text's encoding.
_UNITS_PER_INPUT = 16


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Projection(tf.keras.layers.Layer):
    """Projects the encoding of one feature to an embedding `[batch, dim]` of length 1.

    A vector is standardized, pooled if a row has several, and passed through an optional hidden
    layer and a linear layer. Vocabulary entries are embedded and averaged. Embeddings have length
    1, so that fusion weights do not compensate for scales.

    Input: float `[batch, width]` or `[batch, n, width]`; with `vocabulary_size`, int32 `[batch, n]`
    where 0 is padding. Output: `[batch, dim]`.

    Args:
        dim: the width of the embedding.
        vocabulary_size: the number of vocabulary entries to embed; 0 for vectors (default 0).
        units: the units of the hidden layer, at most 16 times the width of the vector; 0 for none
            (default 128).
        dropout: the dropout rate of the input and of the hidden units (default 0.1).

    Example:
        >>> layer = Projection(dim=4)
        >>> embedding = layer(tf.constant([[0.5, -1.0, 2.0]]))
        >>> embedding.shape, round(float(tf.norm(embedding)), 3)
        (TensorShape([1, 4]), 1.0)
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
        super().__init__(autocast=False, **kwargs)
        self.dim = dim
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.dropout = dropout
        if vocabulary_size:
            self.embedding = tf.keras.layers.Embedding(vocabulary_size, dim)
        else:
            self.standardize = Standardize()
            self.hidden = None
            self.output_layer = tf.keras.layers.Dense(dim)
            self.drop = Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        if self.vocabulary_size:
            build_layer(self.embedding, input_shape)
        else:
            build_layer(self.standardize, input_shape)
            width = input_shape[-1]
            if self.units:
                units = min(self.units, _UNITS_PER_INPUT * width)
                self.hidden = tf.keras.layers.Dense(units, gelu)
                build_layer(self.hidden, [None, width])
                width = units
            build_layer(self.output_layer, [None, width])
        super().build(input_shape)

    def fit(self, encoded: Encodings) -> None:
        """Fits the standardization to the rows with the feature."""
        build_layer(self, [None, *encoded.values.shape[1:]])
        if not self.vocabulary_size:
            self.standardize.fit(encoded.blocks())

    @property
    def table(self) -> tf.Variable | None:
        """The embeddings of a large vocabulary; None for a small one, or without any."""
        return self.embedding.embeddings if self.vocabulary_size > _MAX_COUNTED else None

    def call(self, inputs: tf.Tensor, training: bool = False, normalize: bool = True) -> tf.Tensor:
        """Computes the embeddings of a batch, `[batch, dim]`.

        Args:
            inputs: the encodings.
            training: whether dropout is applied.
            normalize: whether to scale the embeddings to length 1, as their reader must otherwise.
        """
        embeddings = self._project(inputs, training)
        return unit_length(embeddings) if normalize else embeddings

    def _project(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        if self.vocabulary_size:
            return self._sum_of_entries(inputs)
        vector = self.drop(self.standardize(inputs), training=training)
        if self.hidden is not None:
            vector = self.drop(self.hidden(vector), training=training)
        return self.output_layer(vector)

    def _sum_of_entries(self, entries: tf.Tensor) -> tf.Tensor:
        """The sum of the embeddings of each row's entries; its direction is that of the mean."""
        if self.vocabulary_size > _MAX_COUNTED:
            if entries.shape[1] == 1:
                vectors = self.embedding(entries[:, 0])
                return vectors * tf.cast(entries > 0, vectors.dtype)
            vectors = self.embedding(entries)  # [batch, n, dim]
            return tf.reduce_sum(vectors * tf.cast(entries > 0, vectors.dtype)[..., tf.newaxis], 1)
        # The product with the numbers of occurrences [batch, entries] gathers nothing.
        counts = tf.raw_ops.DenseBincount(
            input=entries, size=self.vocabulary_size, weights=tf.zeros([0]), binary_output=False
        )
        table = tf.cast(self.embedding.embeddings, self.compute_dtype)
        return tf.matmul(tf.cast(counts[:, 1:], self.compute_dtype), table[1:])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "dropout": self.dropout,
        }
