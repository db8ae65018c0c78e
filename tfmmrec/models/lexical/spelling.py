"""Words of similar spelling, by the pairs of characters that they share."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Pairs of characters are numbered by a hash, which is the same in every TensorFlow.
_NUM_PAIRS = 1 << 14


class SpellingIndex(NamedTuple):
    """The words that contain each pair of adjacent characters.

    Attributes:
        starts: int32 `[pairs + 1]`; pair p is in the words `words[starts[p]:starts[p + 1]]`.
        words: int32 `[entries]`, rows of words.
        num_pairs: int32 `[words]`, the number of distinct pairs in each word.
    """

    starts: np.ndarray
    words: np.ndarray
    num_pairs: np.ndarray

    @classmethod
    def build(cls, words: list[str]) -> "SpellingIndex":
        pairs = pairs_of_characters(tf.constant(words, tf.string, [len(words)]))
        entries = pairs.flat_values.numpy().astype(np.int64) * max(len(words), 1)
        # A pair counts once in a word.
        entries = np.unique(entries + pairs.value_rowids().numpy())
        numbers, rows = np.divmod(entries, max(len(words), 1))
        counts = np.bincount(numbers, minlength=_NUM_PAIRS)
        return cls(
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
            words=rows.astype(np.int32),
            num_pairs=np.bincount(rows, minlength=len(words)).astype(np.int32),
        )


def pairs_of_characters(words: tf.Tensor) -> tf.RaggedTensor:
    """Returns the numbers of the pairs of adjacent characters, int32 `[words, (pairs)]`.

    The start and the end of a word are characters too, so that a word of n characters has n + 1.
    """
    characters = tf.strings.unicode_split(tf.strings.join(["^", words, "$"]), "UTF-8")
    pairs = tf.strings.ngrams(characters, 2, separator="")
    numbers = tf.strings.to_hash_bucket_fast(pairs.flat_values, _NUM_PAIRS)
    return pairs.with_flat_values(tf.cast(numbers, tf.int32))
