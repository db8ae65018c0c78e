"""Transformer block with a mask: self-attention and a feed-forward layer, pre-normalized."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.config.checks import check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.gelu import gelu
from tfmmrec.layers.masked_softmax import masked_softmax


@tf.keras.utils.register_keras_serializable("tfmmrec")
class AttentionBlock(tf.keras.layers.Layer):
    """Self-attention and a feed-forward layer, each with layer normalization and a residual.

    Layer normalization precedes each sublayer, which trains stably without warm-up (Xiong et al.
    2020, arXiv:2002.04745). The number of heads need not divide the width: each head has dim /
    heads components, rounded up.

    `tf.keras.layers.MultiHeadAttention` is not used: its dropout is stateful, so that training
    could not be resumed bit for bit; in mixed precision its logits are float16; and a token without
    any token to attend to gets uniform weights instead of zeros.

    Input: `tokens` float `[batch, tokens, dim]`; `mask` bool, either `[batch, tokens]`, tokens that
    are present, or `[batch, tokens, tokens]`, tokens that each token attends to. Output: as
    `tokens`.

    Args:
        heads: the number of attention heads.
        units: the units of the feed-forward layer.
        dropout: the dropout rate of attention weights, of hidden units and of the output of each
            sublayer (default 0).

    Example:
        >>> block = AttentionBlock(heads=2, units=8)
        >>> block(tf.ones([1, 3, 4]), tf.constant([[True, True, False]])).shape
        TensorShape([1, 3, 4])
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
        # With an epsilon above 1e-5, Keras uses the fused kernel, which computes in float32; its
        # default, 1e-3, would shrink vectors of length 1, which have a variance of 1 / dim.
        self.attention_norm = tf.keras.layers.LayerNormalization(epsilon=1e-4)
        self.heads_layer = tf.keras.layers.EinsumDense(
            "btd,dshw->btshw", [None, 3, self.heads, width], bias_axes="shw", name="heads"
        )
        self.attention_output = tf.keras.layers.EinsumDense(
            "bthw,hwd->btd", [None, dim], bias_axes="d", name="attention_output"
        )
        self.hidden_norm = tf.keras.layers.LayerNormalization(epsilon=1e-4)
        self.hidden = dense(self.units, gelu, name="hidden")
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
        query, key, value = tf.unstack(self.heads_layer(tokens), axis=2)  # [batch, t, heads, width]
        # float32, since sums of products may overflow float16.
        query, key = tf.cast(query, tf.float32), tf.cast(key, tf.float32)
        logits = tf.einsum("bqhw,bkhw->bhqk", query, key) * float(query.shape[-1]) ** -0.5
        weights = masked_softmax(logits, mask[:, tf.newaxis])  # [batch, heads, t, t]
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
    """Creates the blocks of a transformer, named `block_0`, `block_1` and so on."""
    return [
        AttentionBlock(heads, units, dropout=dropout, name=f"block_{number}")
        for number in range(layers)
    ]
