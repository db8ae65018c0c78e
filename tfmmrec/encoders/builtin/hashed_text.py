"""The default built-in text encoder: hashed words and character n-grams, for any language."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.hashed_words import is_sign, split_words


class BuiltinText(tf.Module):
    """Encodes texts by a random projection of their weighted bag of words and n-grams.

    The features of a text are its words, its pairs of adjacent words, and the character 3- to
    5-grams of its words in angle brackets (Bojanowski et al. 2017, arXiv 1607.04606). Each
    character of a script without spaces is a word, so that Chinese has characters and pairs of
    characters as features. A feature f has the vector

        e(f) = [T_1[h_1(f)], ..., T_4[h_4(f)]]

    of four independent hashes, so that collisions of all four are rare (Svenstrup et al. 2017,
    arXiv 1709.03933). The encoding is `sum_f w(f) (1 + ln tf(f)) e(f)`, scaled to length 1. There
    is no corpus for document frequencies; instead the weight w grows with the length of a word,
    since short words are frequent in every language (Zipf's law of abbreviation).

    Input: UTF-8 strings `[batch]`. Output: float32 `[batch, 256]`; zeros for a text without words.

    Args:
        seed: of the random tables (default 0).
    """

    version = 1
    from_scratch = False
    dim = 256
    num_hashes = 4
    table_rows = 1 << 14
    max_words = 1024

    # Lists instead of tf.Module's properties, because hub.KerasLayer reads saved lists.
    variables: list[tf.Variable] = []
    trainable_variables: list[tf.Variable] = []
    regularization_losses: list[object] = []

    input_spec = tf.TensorSpec([None], tf.string, "inputs")

    def __init__(self, seed: int = 0):
        super().__init__()
        random = np.random.RandomState(seed)
        shape = (self.num_hashes, self.table_rows, self.dim // self.num_hashes)
        table = random.standard_normal(shape) / np.sqrt(self.dim)
        self.tables = [
            tf.Variable(part, dtype=tf.float32, name=f"table_{number}")
            for number, part in enumerate(table)
        ]
        self.variables = list(self.tables)
        self.trainable_variables = list(self.tables)
        self.regularization_losses = []

    @tf.function
    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        del training  # there is no dropout
        words = split_words(inputs, self.max_words)
        batch = tf.shape(inputs, tf.int64)[0]
        rows, features, weights = _join(_whole_words(words), _word_pairs(words), _pieces(words))
        # 60 bits, of which each table uses another 14.
        hashes = tf.strings.to_hash_bucket_fast(features, 1 << 60)
        weights *= _damping(rows, hashes)
        parts = []
        for number, table in enumerate(self.tables):
            shifted = tf.bitwise.right_shift(hashes, tf.cast(14 * number, tf.int64))
            buckets = tf.bitwise.bitwise_and(shifted, tf.cast(self.table_rows - 1, tf.int64))
            bag = tf.SparseTensor(
                tf.stack([rows, buckets], axis=1), weights, [batch, self.table_rows]
            )
            # Sparse, so that no vector per feature and text is materialized.
            parts.append(tf.sparse.sparse_dense_matmul(bag, table))
        vectors = tf.concat(parts, axis=1)
        return tf.math.l2_normalize(vectors, axis=1)


Features = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def _whole_words(words: tf.RaggedTensor) -> Features:
    flat = words.values
    return words.value_rowids(), "<" + flat + ">", _weight_of_words(flat)


def _weight_of_words(words: tf.Tensor) -> tf.Tensor:
    length = tf.cast(tf.strings.length(words, unit="UTF8_CHAR"), tf.float32)
    return tf.where(is_sign(words), 0.4, tf.clip_by_value((length - 0.5) / 3.0, 0.2, 1.0))


def _word_pairs(words: tf.RaggedTensor) -> Features:
    first, second = words[:, :-1], words[:, 1:]
    both = first.values + " " + second.values
    signs = is_sign(first.values) & is_sign(second.values)
    weight = 0.15 * _weight_of_words(first.values) * _weight_of_words(second.values)
    return first.value_rowids(), both, tf.where(signs, 1.0, weight)


def _pieces(words: tf.RaggedTensor) -> Features:
    """Returns character 3- to 5-grams; together those of a word have more weight than the word."""
    flat = words.values
    characters = tf.strings.unicode_split("<" + flat + ">", "UTF-8")
    pieces = tf.strings.ngrams(characters, ngram_width=(3, 4, 5), separator="")
    of_word = pieces.value_rowids()
    length = tf.cast(tf.strings.length(pieces.values, unit="UTF8_CHAR"), tf.float32)
    share = tf.math.rsqrt(tf.maximum(1.0, tf.cast(pieces.row_lengths(), tf.float32)))
    weight = tf.gather(share * _weight_of_words(flat), of_word) * 0.4 * length
    return tf.gather(words.value_rowids(), of_word), pieces.values, weight


def _join(*features: Features) -> Features:
    rows, names, weights = zip(*features, strict=True)
    return tf.concat(rows, 0), tf.concat(names, 0), tf.concat(weights, 0)


def _damping(rows: tf.Tensor, hashes: tf.Tensor) -> tf.Tensor:
    """Returns `(1 + ln tf) / tf` for each occurrence of a feature in its text."""
    # An odd multiplier spreads the row number over 64 bits; overflow wraps around.
    key = hashes + rows * 0x5851F42D4C957F2D
    _, index, counts = tf.unique_with_counts(key)
    count = tf.cast(tf.gather(counts, index), tf.float32)
    return (1.0 + tf.math.log(count)) / count
