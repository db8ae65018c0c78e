"""The built-in text encoder `builtin:transformer`."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.layers import Dense, LayerNorm
from tfmmrec.encoders.builtin.text_sequence import SequenceEncoder

Drop = Callable[[tf.Tensor], tf.Tensor]


class BuiltinTransformer(SequenceEncoder):
    """Encodes texts by a small transformer over their words, in any language.

    Two layers of four heads (Vaswani et al. 2017, arXiv 1706.03762) with pre-normalization, which
    trains without warm-up (Xiong et al. 2020, arXiv 2002.04745). Position embeddings are learned,
    and initialized with sinusoids. See `SequenceEncoder` for input and output.
    """

    num_layers = 2

    def build(self, random: np.random.RandomState) -> None:
        positions = _sinusoids(1 + self.max_words, self.dim)
        self.positions = tf.Variable(positions, dtype=tf.float32, name="positions")
        self.layers = [
            TransformerLayer(random, self.dim, name=f"layer_{number}")
            for number in range(self.num_layers)
        ]
        self.last_norm = LayerNorm(self.dim, name="last_norm")

    def read(self, words: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        outputs = words + self.positions[: tf.shape(words)[1]]
        for layer in self.layers:
            outputs = layer(outputs, mask, lambda values: self.drop(values, training))
        return self.last_norm(outputs)


class TransformerLayer(tf.Module):
    """Self-attention and a feed-forward network, `[batch, words, dim]` to the same shape."""

    num_heads = 4

    def __init__(self, random: np.random.RandomState, dim: int, *, name: str):
        super().__init__()
        self.dim = dim
        self.norm_1 = LayerNorm(dim, name=f"{name}/norm_1")
        self.inward = Dense(random, dim, 3 * dim, name=f"{name}/inward", use_bias=False)
        self.outward = Dense(random, dim, dim, name=f"{name}/outward")
        self.norm_2 = LayerNorm(dim, name=f"{name}/norm_2")
        self.widen = Dense(random, dim, 4 * dim, name=f"{name}/widen")
        self.narrow = Dense(random, 4 * dim, dim, name=f"{name}/narrow")

    def __call__(self, words: tf.Tensor, mask: tf.Tensor, drop: Drop) -> tf.Tensor:
        words += drop(self._attend(self.norm_1(words), mask))
        hidden = tf.nn.gelu(self.widen(self.norm_2(words)), approximate=True)
        return words + drop(self.narrow(hidden))

    def _attend(self, words: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        batch, length = tf.shape(words)[0], tf.shape(words)[1]
        size = self.dim // self.num_heads
        split = tf.reshape(self.inward(words), [batch, length, 3, self.num_heads, size])
        query, key, value = tf.unstack(split, axis=2)
        scores = tf.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(size)
        scores = tf.where(mask[:, tf.newaxis, tf.newaxis, :], scores, -1e9)
        mixed = tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(scores), value)
        return self.outward(tf.reshape(mixed, [batch, length, self.dim]))


def _sinusoids(length: int, dim: int) -> np.ndarray:
    """Returns sinusoidal position embeddings, wavelengths 2 pi to 20,000 pi, `[length, dim]`."""
    frequencies = 10_000.0 ** -(np.arange(0, dim, 2) / dim)
    angles = np.arange(length)[:, np.newaxis] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
