"""What the built-in readers of word sequences have in common: hashed words in, pooled out."""

import abc

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.base import ScratchEncoder
from tfmmrec.encoders.builtin.hashed_words import PADDING, hash_pieces
from tfmmrec.encoders.builtin.layers import Dense, LayerNorm, normal


class SequenceEncoder(ScratchEncoder):
    """Text -> vector by the sequence of its words.

    A word is the sum of the vectors of itself and of its character 3-grams (Bojanowski et al. 2017,
    arXiv 1607.04606), normalised; each is a row of one table by its hash, so that there is no
    vocabulary and words of any language share what they have in common. What reads the sequence
    gives a vector for each word, of which the mean and the maximum are taken.

    Input: UTF-8 strings `[batch]`; `max_words` words of a text and about `max_pieces` characters of
    a word are read. Output: float32 `[batch, 128]`.

    Args:
        seed: of the first weights (default 0).
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
        """Builds the weights of `read`."""

    @abc.abstractmethod
    def read(self, words: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Reads words `[batch, words, dim]` where the mask `[batch, words]` is true, to the same.

        What stands where it is false has no meaning, and must not change the rest.
        """

    def encode(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        return self.encode_tokens(self.tokenise(inputs), training)

    def tokenise(self, texts: tf.Tensor) -> tf.Tensor:
        return hash_pieces(
            texts,
            max_words=self.max_words,
            max_pieces=self.max_pieces,
            num_buckets=self.num_buckets,
        )

    def encode_tokens(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encodes what `tokenise` gave, int32 `[batch, words, pieces]`; XLA compiles it."""
        there = tf.cast(tokens != PADDING, tf.float32)
        mask = tf.reduce_any(tokens != PADDING, axis=2)  # [batch, words]; all have their start
        vectors = tf.gather(self.pieces, tokens)  # [batch, words, pieces, dim]
        words = self.first_norm(tf.einsum("bwp,bwpd->bwd", there, vectors))
        outputs = self.read(self.drop(words, training), mask, training)
        pooled = self.drop(_pool(outputs, mask), training)
        return self.norm(self.project(pooled))


def _pool(outputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean and maximum over the words that are there, `[batch, 2 * dim]`."""
    mask = mask[:, :, tf.newaxis]
    count = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1)
    mean = tf.reduce_sum(tf.where(mask, outputs, 0.0), axis=1) / count
    return tf.concat([mean, tf.reduce_max(tf.where(mask, outputs, outputs.dtype.min), 1)], axis=1)
