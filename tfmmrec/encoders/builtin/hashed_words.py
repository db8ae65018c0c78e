"""How the built-in text encoders read a text: its words, in any language, and pieces of words."""

import tensorflow as tf

# Scripts that are written without spaces and with one sign for a syllable or a word.
_SIGNS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{So}]"
_NO_WORD = r"[^\p{L}\p{N}\p{M}\p{So}]+"
_APOSTROPHES = "['\u2018\u2019\u02bc]"

PADDING = 0
START = 1
_NUM_SPECIAL = 2


def split_words(texts: tf.Tensor, max_words: int) -> tf.RaggedTensor:
    """Splits UTF-8 texts `[batch]` into lower-case words, `[batch, (words)]`.

    A sign of a script without spaces is a word of its own.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", replacement_char=0x20)
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, _APOSTROPHES, "")
    texts = tf.strings.regex_replace(texts, _NO_WORD, " ")
    texts = tf.strings.regex_replace(texts, f"({_SIGNS}\\p{{M}}*)", r" \1 ")
    return tf.strings.split(texts)[:, :max_words]


def is_sign(words: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_full_match(words, f"{_SIGNS}\\p{{M}}*")


def hash_pieces(
    texts: tf.Tensor, *, max_words: int, max_pieces: int, num_buckets: int
) -> tf.Tensor:
    """Hashes each word and the character 3-grams of it in angle brackets.

    Args:
        texts: UTF-8 strings `[batch]`.
        max_words: what follows in a text is not read.
        max_pieces: of a word, itself included; the 3-grams that follow are left out.
        num_buckets: the rows of the table that the answer points into.

    Returns:
        int32 `[batch, 1 + words, pieces]` for the longest text and word of the batch. Every text
        begins with a word of the one piece `START`, so that none is empty; `PADDING` fills up.
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
    # A batch without any word has no pieces either.
    num_pieces = tf.maximum(1, tf.shape(ids)[2])
    ids = tf.pad(ids, [[0, 0], [0, 0], [0, num_pieces - tf.shape(ids)[2]]])
    start = tf.pad(start, [[0, 0], [0, 0], [0, num_pieces - 1]])
    return tf.concat([start, ids], axis=1)
