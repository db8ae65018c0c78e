"""Transformer fusion: self-attention over the modalities and the id embedding of an item."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.transformer_block import check_block_options, create_blocks

if TYPE_CHECKING:
    import keras_tuner


@FUSIONS.register("transformer")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class TransformerFusion(Fusion):
    """Self-attention over an item's modalities and id embedding, read out by a learned token.

    The embedding of each present feature, plus a learned type embedding of the feature, is a token.
    A learned token is prepended (as [CLS] in BERT); a linear map of its output is added to the
    average of the present embeddings. The map is initialized to zeros, so that the layer starts as
    the average. Missing tokens are masked. Items without features all have the same output.

    Args:
        names: the features, in the order of the second axis of `vectors`; the last is "id" if items
            have id embeddings.
        layers: the number of transformer blocks (default 1).
        heads: the number of attention heads, which need not divide the width (default 4).
        units: the units of the feed-forward layers (default 128).
        dropout: the dropout rate of the blocks and of the output of the learned token
            (default 0.1).

    Example:
        >>> fusion = TransformerFusion(["text", "image"])
        >>> vectors = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
        >>> fusion(vectors, mask=tf.constant([[True, True]])).numpy().tolist()
        [[0.5, 0.5]]
    """

    takes_id = True

    def __init__(
        self,
        names: Sequence[str],
        *,
        layers: int = 1,
        heads: int = 4,
        units: int = 128,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(names, **kwargs)
        self.check_options(layers=layers, heads=heads, units=units, dropout=dropout)
        self.layers = layers
        self.heads = heads
        self.units = units
        self.dropout = dropout

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_block_options(options)

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        self.query = self.add_weight(
            name="query",
            shape=[1, 1, dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=dim**-0.5),
        )
        self.types = self.add_weight(
            name="types",
            shape=[len(self.names), dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.02),
        )
        self.blocks = create_blocks(self.layers, self.heads, self.units, self.dropout)
        self.output_norm = tf.keras.layers.LayerNormalization(epsilon=1e-4)
        self.output_layer = tf.keras.layers.Dense(dim, kernel_initializer="zeros", name="output")
        self.drop = Dropout(self.dropout)
        for block in self.blocks:
            build_layer(block, [None, None, dim])
        build_layer(self.output_norm, [None, dim])
        build_layer(self.output_layer, [None, dim])
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        filled = self.fill_missing(vectors, mask)
        query = tf.cast(self.query, vectors.dtype)
        query = tf.tile(query, [tf.shape(vectors)[0], 1, 1])
        # [batch, 1 + features, dim]
        tokens = tf.concat([query, filled + tf.cast(self.types, vectors.dtype)], axis=1)
        # The learned token is always present.
        token_mask = tf.pad(mask, [[0, 0], [1, 0]], constant_values=True)
        for block in self.blocks:
            tokens = block(tokens, mask=token_mask, training=training)
        output = self.drop(self.output_norm(tokens[:, 0]), training=training)
        present = tf.reduce_sum(tf.cast(mask, vectors.dtype), axis=1, keepdims=True)
        average = tf.math.divide_no_nan(tf.reduce_sum(filled, axis=1), present)
        return average + self.output_layer(output)

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws the number of blocks and of heads, the feed-forward units and the dropout rate."""
        del names
        return {
            "layers": hp.Choice("fusion.transformer.layers", [1, 2], default=1),
            "heads": hp.Choice("fusion.transformer.heads", [1, 2, 4, 8], default=4),
            "units": hp.Choice("fusion.transformer.units", [64, 128, 256], default=128),
            "dropout": hp.Choice("fusion.transformer.dropout", [0.0, 0.1, 0.3], default=0.1),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": self.layers,
            "heads": self.heads,
            "units": self.units,
            "dropout": self.dropout,
        }
