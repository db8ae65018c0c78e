"""A causal transformer over what a user chose."""

from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.history.base import HISTORY_ENCODERS, CausalHistoryEncoder
from tfmmrec.layers.transformer_block import check_block_options, create_blocks


@HISTORY_ENCODERS.register("transformer")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class TransformerHistoryEncoder(CausalHistoryEncoder):
    """Self-attention over a history, each item attending to itself and to those before it.

    SASRec (Kang and McAuley 2018, "Self-attentive sequential recommendation", arXiv:1808.09781),
    with the normalisation before each part. Places are counted from the first item that is read, so
    that padding on either side changes nothing.

    Args:
        max_history: how many of the last items are read (default 50).
        layers: the number of attention blocks (default 2).
        heads: the number of attention heads (default 2).
        units: the width of the blocks' hidden layer (default 64).
        dropout: of the items, attention weights and hidden units in training (default 0.3).
        time_intervals: whether it is read too how long after the item before it each was chosen
            (default no).
    """

    def __init__(
        self,
        *,
        max_history: int = 50,
        layers: int = 2,
        heads: int = 2,
        units: int = 64,
        dropout: float = 0.3,
        time_intervals: bool = False,
        **kwargs: Any,
    ):
        super().__init__(max_history=max_history, time_intervals=time_intervals, **kwargs)
        self.check_options(
            max_history=max_history,
            layers=layers,
            heads=heads,
            units=units,
            dropout=dropout,
            time_intervals=time_intervals,
        )
        self.layers = layers
        self.heads = heads
        self.units = units
        self.dropout = dropout

    @classmethod
    def check_options(cls, **options: Any) -> None:
        super().check_options(**options)
        check_block_options(options)

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        self.positions = self.add_weight(
            name="positions",
            shape=[self.max_history, dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.02),
        )
        self.blocks = create_blocks(self.layers, self.heads, self.units, self.dropout)
        self.output_norm = tf.keras.layers.LayerNormalization(epsilon=1e-4)
        self.drop = Dropout(self.dropout)
        for block in self.blocks:
            build_layer(block, [None, None, dim])
        build_layer(self.output_norm, [None, None, dim])
        super().build(input_shape)

    def read(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        place = tf.cumsum(tf.cast(mask, tf.int32), axis=1) - 1
        place = tf.clip_by_value(place, 0, self.max_history - 1)
        tokens += tf.gather(tf.cast(self.positions, tokens.dtype), place)
        tokens = self.drop(tokens, training=training)
        length = tf.shape(mask)[1]
        earlier = tf.range(length)[tf.newaxis] <= tf.range(length)[:, tf.newaxis]
        seen = earlier[tf.newaxis] & mask[:, tf.newaxis]
        for block in self.blocks:
            tokens = block(tokens, mask=seen, training=training)
        return self.output_norm(tokens)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws the blocks and their heads, widths and dropout, and how much is read."""
        return {
            "layers": hp.Choice("query.transformer.layers", [1, 2, 3], default=2),
            "heads": hp.Choice("query.transformer.heads", [1, 2, 4], default=2),
            "units": hp.Choice("query.transformer.units", [64, 128, 256], default=64),
            "dropout": hp.Choice("query.transformer.dropout", [0.1, 0.3, 0.5], default=0.3),
            "max_history": hp.Choice("query.transformer.max_history", [20, 50, 100], default=50),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": self.layers,
            "heads": self.heads,
            "units": self.units,
            "dropout": self.dropout,
        }
