"""The base class of built-in text encoders over word sequences: hashed words, pooled."""

import abc

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.base import ScratchEncoder
from tfmmrec.encoders.builtin.hashed_words import PADDING, hash_pieces
from tfmmrec.encoders.builtin.layers import Dense, LayerNorm, normal


class SequenceEncoder(ScratchEncoder):
    """Encodes texts as sequences of words.

    The embedding of a word is the normalized sum of the embeddings of the word and of its character
    3-grams (Bojanowski et al. 2017, arXiv 1607.04606). All are rows of one hashed table, so that
    there is no vocabulary, and related words of any language share rows. A subclass maps the
    sequence to a vector per word; mean and maximum of these are projected to the encoding.

    Input: UTF-8 strings `[batch]`, of which the first `max_words` words and about `max_pieces`
    characters of a word are used. Output: float32 `[batch, 128]`.

    Args:
        seed: of the initial weights (default 0).
    """

    max_words = 128
    max_pieces = 16
    num_buckets = 1 << 14

    input_spec = tf.TensorSpec([None], tf.string, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        random = np.random.RandomState(seed)
        self.pieces = normal(random, [self.num_buckets, self.dim], 0.1, "pieces")
        self.first_norm = LayerNorm(self.dim, name="first_norm")
        self.build(random)
        self.project = Dense(random, 2 * self.dim, self.dim, name="project")
        self.norm = LayerNorm(self.dim, name="norm")
        self.list_variables()

    @abc.abstractmethod
    def build(self, random: np.random.RandomState) -> None:
        """Creates the variables of `read`."""

    @abc.abstractmethod
    def read(self, words: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Maps the word embeddings to an output of the same shape.

        Args:
            words: float32 `[batch, words, dim]`; padding must not affect the other outputs.
            mask: bool `[batch, words]`, False for padding.
            training: whether dropout is active.
        """

    def encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        return self.encode_tokens(self.tokenize(inputs), training)

    def tokenize(self, texts: tf.Tensor) -> tf.Tensor:
        return hash_pieces(
            texts,
            max_words=self.max_words,
            max_pieces=self.max_pieces,
            num_buckets=self.num_buckets,
        )

    def encode_tokens(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encodes the result of `tokenize`, int32 `[batch, words, pieces]`; XLA can compile it."""
        is_piece = tf.cast(tokens != PADDING, tf.float32)
        mask = tf.reduce_any(tokens != PADDING, axis=2)  # [batch, words]; at least the start token
        vectors = tf.gather(self.pieces, tokens)  # [batch, words, pieces, dim]
        words = self.first_norm(tf.einsum("bwp,bwpd->bwd", is_piece, vectors))
        outputs = self.read(self.drop(words, training), mask, training)
        pooled = self.drop(_pool(outputs, mask), training)
        return self.norm(self.project(pooled))


def _pool(outputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns mean and maximum over the words, `[batch, 2 * dim]`."""
    mask = mask[:, :, tf.newaxis]
    count = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1)
    mean = tf.reduce_sum(tf.where(mask, outputs, 0.0), axis=1) / count
    return tf.concat([mean, tf.reduce_max(tf.where(mask, outputs, outputs.dtype.min), 1)], axis=1)
