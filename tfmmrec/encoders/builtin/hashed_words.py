"""Tokenization of the built-in text encoders: words of any language, and character n-grams."""

import tensorflow as tf

# Scripts without spaces, in which a character is a syllable or a word; also emoji.
_SIGNS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{So}]"
_NO_WORD = r"[^\p{L}\p{N}\p{M}\p{So}]+"
_APOSTROPHES = "['\u2018\u2019\u02bc]"

PADDING = 0
START = 1
_NUM_SPECIAL = 2


def split_words(texts: tf.Tensor, max_words: int) -> tf.RaggedTensor:
    """Splits UTF-8 texts `[batch]` into lower-case words, `[batch, (words)]`.

    Each character of a script without spaces is a word.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", replacement_char=0x20)
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, _APOSTROPHES, "")
    texts = tf.strings.regex_replace(texts, _NO_WORD, " ")
    texts = tf.strings.regex_replace(texts, f"({_SIGNS}\\p{{M}}*)", r" \1 ")
    return tf.strings.split(texts)[:, :max_words]


def is_sign(words: tf.Tensor) -> tf.Tensor:
    """Returns whether each word is a character of a script without spaces, bool."""
    return tf.strings.regex_full_match(words, f"{_SIGNS}\\p{{M}}*")


def hash_pieces(
    texts: tf.Tensor, *, max_words: int, max_pieces: int, num_buckets: int
) -> tf.Tensor:
    """Hashes each word, in angle brackets, and its character 3-grams.

    Args:
        texts: UTF-8 strings `[batch]`.
        max_words: number of words of a text that are used.
        max_pieces: number of pieces of a word that are used, including the word itself.
        num_buckets: number of rows of the embedding table.

    Returns:
        int32 `[batch, 1 + words, pieces]`, padded with `PADDING` to the longest text and word of
        the batch. Every text starts with a word of the single piece `START`, so that none is empty.
    """
    words = split_words(texts, max_words)
    bracketed = "<" + words.values + ">"
    characters = tf.strings.unicode_split(bracketed, "UTF-8")
    pieces = tf.strings.ngrams(characters, ngram_width=3, separator="")
    pieces = tf.concat([bracketed[:, tf.newaxis], pieces], axis=1)[:, :max_pieces]
    hashes = tf.strings.to_hash_bucket_fast(pieces.values, num_buckets - _NUM_SPECIAL)
    ids = pieces.with_values(tf.cast(hashes, tf.int32) + _NUM_SPECIAL).to_tensor(PADDING)
    ids = words.with_values(ids).to_tensor(PADDING)  # [batch, words, pieces]
    start = tf.fill([tf.shape(texts)[0], 1, 1], START)
    # A batch without words has no pieces.
    num_pieces = tf.maximum(1, tf.shape(ids)[2])
    ids = tf.pad(ids, [[0, 0], [0, 0], [0, num_pieces - tf.shape(ids)[2]]])
    start = tf.pad(start, [[0, 0], [0, 0], [0, num_pieces - 1]])
    return tf.concat([start, ids], axis=1)
