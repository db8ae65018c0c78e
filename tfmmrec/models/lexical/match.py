"""Matches of queries with a BM25 index, in core TensorFlow ops."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfmmrec.models.lexical.index import K1, B, LexicalIndex, join_values
from tfmmrec.models.lexical.spelling import pairs_of_characters
from tfmmrec.models.lexical.words import Tokenizer

# An unknown word stands for at most so many words of similar spelling, of at least this Dice
# coefficient: twice the number of shared pairs of characters, divided by that of both words.
_NUM_SIMILAR, _LEAST_DICE = 3, 0.5


class LexicalMatch(tf.Module):
    """Compares texts with the texts of all items by their words.

    Args:
        index: the words of the items.
        num_items: number of items.
    """

    def __init__(self, index: LexicalIndex, num_items: int):
        super().__init__()
        self.features = list(index.features)
        self.num_items = num_items
        self._num_words = len(index.words)
        self._tokenizer = Tokenizer()
        words = tf.constant(index.words, tf.string, [self._num_words])
        pairs = tf.lookup.KeyValueTensorInitializer(words, tf.range(self._num_words))
        self._words = tf.lookup.StaticHashTable(pairs, default_value=-1)
        self._starts, self._items, self._weights, self._idf, self._mean_length = map(
            _variable, (index.starts, index.items, index.weights, index.idf, index.mean_length)
        )
        self._spelling = [_variable(each) for each in index.spelling]

    def shares(self, texts: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """The part of each query that the texts of the items contain.

        This is the BM25 score of an item's text, divided by the score that the query itself would
        have if it was the text of an item: 1 for the same text, 0 if no word is shared. An unknown
        word counts as the words of similar spelling, by their similarity.

        Args:
            texts: the queries by feature, string `[batch]`, or `[batch, n]` for several values;
                "" is absent.

        Returns:
            float32 `[batch, items]`, one per feature of `texts`.
        """
        # All features at once: each text of each feature is a query.
        words = self._tokenizer(tf.concat([join_values(each) for each in texts.values()], 0))
        sizes = [tf.shape(each)[0] for each in texts.values()]
        features = tf.repeat([self.features.index(name) for name in texts], sizes)
        tokens = words.flat_values
        queries = tf.cast(words.value_rowids(), tf.int32)
        repeats = _repeats(queries, tokens)
        rows = self._words.lookup(tokens)
        # A word of a query counts once; the index has its frequency in the items.
        once = 1.0 / repeats
        similar, dice = self._similar(tf.boolean_mask(tokens, rows < 0))  # [unknown, similar]
        unknown = tf.where(rows < 0)[:, 0]
        scores = self._sum(
            features,
            tf.concat([queries, tf.repeat(tf.gather(queries, unknown), _NUM_SIMILAR)], 0),
            tf.concat([rows, tf.reshape(similar, [-1])], 0),
            tf.concat([once, tf.reshape(dice * tf.gather(once, unknown)[:, tf.newaxis], [-1])], 0),
        )
        lengths = tf.gather(tf.cast(words.row_lengths(), tf.float32), queries)
        of_token = tf.gather(features, queries)
        mean_length = tf.maximum(tf.gather(self._mean_length, of_token), 1e-9)
        norm = K1 * (1 - B + B * lengths / mean_length)
        ideal = self._word_idf(of_token, rows) * (K1 + 1) / (repeats + norm)
        ideal = tf.math.unsorted_segment_sum(ideal, queries, tf.shape(features)[0])
        return tf.split(tf.math.divide_no_nan(scores, ideal[:, tf.newaxis]), sizes, num=len(sizes))

    def _word_idf(self, features: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """The inverse document frequency of words, those of row -1 being unknown."""
        unknown = len(self.features) * self._num_words + features
        return tf.gather(self._idf, tf.where(rows < 0, unknown, features * self._num_words + rows))

    def _sum(
        self,
        features: tf.Tensor,
        queries: tf.Tensor,
        rows: tf.Tensor,
        factors: tf.Tensor,
    ) -> tf.Tensor:
        """Sums the BM25 weights of words by query and item, `[queries, items]`; row -1 is none."""
        known = rows >= 0
        queries, factors = tf.boolean_mask(queries, known), tf.boolean_mask(factors, known)
        rows = tf.boolean_mask(rows, known) + tf.gather(features, queries) * self._num_words
        entries = tf.ragged.range(tf.gather(self._starts, rows), tf.gather(self._starts, rows + 1))
        word = entries.value_rowids()
        weights = tf.gather(self._weights, entries.flat_values) * tf.gather(factors, word)
        cells = tf.cast(tf.gather(queries, word), tf.int64) * self.num_items
        cells += tf.cast(tf.gather(self._items, entries.flat_values), tf.int64)
        shape = tf.stack([tf.shape(features)[0], self.num_items])
        num_cells = tf.reduce_prod(tf.cast(shape, tf.int64))
        return tf.reshape(tf.math.unsorted_segment_sum(weights, cells, num_cells), shape)

    def _similar(self, words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the rows of the words of similar spelling, -1 if none, and the similarities."""
        starts, rows, num_pairs = self._spelling

        def closest(pairs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pairs = tf.unique(pairs)[0]
            entries = tf.ragged.range(tf.gather(starts, pairs), tf.gather(starts, pairs + 1))
            with_pair = tf.gather(rows, entries.flat_values)
            shared = tf.math.unsorted_segment_sum(
                tf.ones_like(with_pair, tf.float32), with_pair, self._num_words
            )
            total = tf.cast(num_pairs + tf.size(pairs), tf.float32)
            # Padded, since there may be fewer words.
            dice = tf.pad(2 * shared / total, [[0, _NUM_SIMILAR]])
            best, similar = tf.math.top_k(dice, _NUM_SIMILAR)
            found = best >= _LEAST_DICE
            return tf.where(found, similar, -1), tf.where(found, best, 0.0)

        one_word = tf.TensorSpec([_NUM_SIMILAR], tf.int32), tf.TensorSpec([_NUM_SIMILAR])
        return tf.map_fn(closest, pairs_of_characters(words), fn_output_signature=one_word)


def _repeats(queries: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """How often each word is in its query, float32 `[tokens]`."""
    keys = tf.strings.join([tf.strings.as_string(queries), tokens], separator=" ")
    _, positions, counts = tf.unique_with_counts(keys)
    return tf.cast(tf.gather(counts, positions), tf.float32)


def _variable(values: np.ndarray) -> tf.Variable:
    with tf.init_scope():  # The first use may be within a graph.
        return tf.Variable(values, trainable=False)
