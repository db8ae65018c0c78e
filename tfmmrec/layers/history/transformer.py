"""Transformer history encoder: causal self-attention (SASRec)."""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.history.base import HISTORY_ENCODERS, CausalHistoryEncoder
from tfmmrec.layers.transformer_block import check_block_options, create_blocks

if TYPE_CHECKING:
    import keras_tuner


@HISTORY_ENCODERS.register("transformer")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class TransformerHistoryEncoder(CausalHistoryEncoder):
    """Causal self-attention over a history: an item attends to itself and to earlier items.

    SASRec (Kang and McAuley 2018, "Self-attentive sequential recommendation", arXiv:1808.09781),
    with pre-normalized blocks. Positions are counted from the first item that is read, so that
    padding on either side has no effect.

    Args:
        max_history: the maximum number of latest items that are read (default 50).
        layers: the number of transformer blocks (default 2).
        heads: the number of attention heads, which need not divide the width (default 2).
        units: the units of the feed-forward layers (default 64).
        dropout: the dropout rate of items, attention weights and hidden units (default 0.3).
        time_intervals: whether the time since the previous item is read (default False).

    Example:
        >>> encoder = TransformerHistoryEncoder(layers=1)
        >>> history, mask = tf.ones([1, 3, 4]), tf.constant([[True, True, False]])
        >>> encoder(history, mask=mask).shape
        TensorShape([1, 4])
    """

    summary = "histories read by a transformer"

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

    def encode(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        position = tf.cumsum(tf.cast(mask, tf.int32), axis=1) - 1  # [batch, n]
        position = tf.clip_by_value(position, 0, self.max_history - 1)
        tokens += tf.gather(tf.cast(self.positions, tokens.dtype), position)
        tokens = self.drop(tokens, training=training)
        length = tf.shape(mask)[1]
        causal = tf.range(length)[tf.newaxis] <= tf.range(length)[:, tf.newaxis]  # [n, n]
        attention_mask = causal[tf.newaxis] & mask[:, tf.newaxis]  # [batch, n, n]
        for block in self.blocks:
            tokens = block(tokens, mask=attention_mask, training=training)
        return self.output_norm(tokens)

    @classmethod
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws the number of blocks and heads, the units, the dropout rate and `max_history`."""
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
