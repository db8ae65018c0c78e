"""A block of a transformer over a set of tokens, some of which are absent."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.config.checks import check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.masked_softmax import masked_softmax


@tf.keras.utils.register_keras_serializable("tfmmrec")
class AttentionBlock(tf.keras.layers.Layer):
    """Self-attention and a hidden layer, each behind a normalisation and added to its input.

    The mask says of tokens `[batch, tokens, dim]` which are there, `[batch, tokens]`, or which each
    attends to, `[batch, tokens, tokens]`. What is absent is attended to by none. The heads
    need not divide the width: each has dim / heads components, rounded up. Normalisation stands
    before each part, which trains stably without a warm-up (Xiong et al. 2020, arXiv:2002.04745).

    Args:
        heads: the number of attention heads.
        units: the width of the hidden layer.
        dropout: the share of attention weights, of hidden units and of each part's output that is
            dropped in training.
    """

    def __init__(self, heads: int, units: int, *, dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = heads
        self.units = units
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        width = -(-dim // self.heads)
        dense = tf.keras.layers.Dense
        # Above 1e-5 Keras takes the fused kernel, which computes in float32 in any case; the usual
        # 1e-3 would shrink vectors of length 1, whose variance is 1 / dim.
        self.attention_norm = tf.keras.layers.LayerNormalization(epsilon=1e-4)
        self.heads_layer = tf.keras.layers.EinsumDense(
            "btd,dshw->btshw", [None, 3, self.heads, width], bias_axes="shw", name="heads"
        )
        self.attention_output = tf.keras.layers.EinsumDense(
            "bthw,hwd->btd", [None, dim], bias_axes="d", name="attention_output"
        )
        self.hidden_norm = tf.keras.layers.LayerNormalization(epsilon=1e-4)
        self.hidden = dense(self.units, "gelu", name="hidden")
        self.hidden_output = dense(dim, name="hidden_output")
        self.drop = Dropout(self.dropout)
        tokens = [None, None, dim]
        build_layer(self.attention_norm, tokens)
        build_layer(self.heads_layer, tokens)
        build_layer(self.attention_output, [None, None, self.heads, width])
        build_layer(self.hidden_norm, tokens)
        build_layer(self.hidden, tokens)
        build_layer(self.hidden_output, [None, None, self.units])
        super().build(input_shape)

    def call(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        attended = self._attend(self.attention_norm(tokens), mask, training)
        tokens += self.drop(attended, training=training)
        hidden = self.drop(self.hidden(self.hidden_norm(tokens)), training=training)
        return tokens + self.drop(self.hidden_output(hidden), training=training)

    def _attend(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        if mask.shape.rank == 2:
            mask = mask[:, tf.newaxis]
        query, key, value = tf.unstack(self.heads_layer(tokens), axis=2)
        # Sums of products of float16 may leave what it holds.
        query, key = tf.cast(query, tf.float32), tf.cast(key, tf.float32)
        logits = tf.einsum("bqhw,bkhw->bhqk", query, key) * float(query.shape[-1]) ** -0.5
        weights = masked_softmax(logits, mask[:, tf.newaxis])
        weights = self.drop(tf.cast(weights, value.dtype), training=training)
        return self.attention_output(tf.einsum("bhqk,bkhw->bqhw", weights, value))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "units": self.units,
            "dropout": self.dropout,
        }


def check_block_options(options: Mapping[str, Any]) -> None:
    """Raises ConfigError unless `layers`, `heads`, `units` and `dropout` are valid."""
    for option in ("layers", "heads", "units"):
        check_count(option, options[option], 1)
    check_rate("dropout", options["dropout"])


def create_blocks(layers: int, heads: int, units: int, dropout: float) -> list[AttentionBlock]:
    """Makes the blocks of a transformer, one behind the other."""
    return [
        AttentionBlock(heads, units, dropout=dropout, name=f"block_{number}")
        for number in range(layers)
    ]
