"""Tokenization of texts in any script into words, in core TensorFlow ops.

The index and the queries, in the served model too, are tokenized by these same ops.
"""

import functools
import unicodedata

import tensorflow as tf

_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"
# Scripts that put no blanks between words: each character is a word.
_SCRIPTS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
_CHARACTER = "([" + "".join(rf"\p{{{script}}}" for script in _SCRIPTS) + "])"
# Combining accents, and the blocks of characters that have an accent, or another form or width.
_ACCENTS = range(0x300, 0x370)
_BLOCKS = (range(0x80, 0x590), range(0x1E00, 0x2000), range(0xFF00, 0xFFF0))


class Tokenizer(tf.Module):
    """Splits texts into words of letters and digits, in lower case and without accents.

    `Pokémon` and `POKEMON` are the same word, and so are full-width and half-width forms. In
    Chinese, Japanese, Thai, Lao, Khmer and Burmese, which are written without blanks, each
    character is a word.

    Example:
        >>> Tokenizer()(tf.constant(["Café-Bar 2", "東京"])).to_list()
        [[b'cafe', b'bar', b'2'], [b'\xe6\x9d\xb1', b'\xe4\xba\xac']]
    """

    def __init__(self) -> None:
        super().__init__()
        characters, plain = zip(*_plain_forms().items(), strict=True)
        self._plain = tf.constant(plain)
        numbers = tf.range(len(characters), dtype=tf.int32)
        pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(characters), numbers)
        self._numbers = tf.lookup.StaticHashTable(pairs, default_value=-1)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the words of texts, string `[batch, (words)]`.

        Args:
            texts: string `[batch]`, UTF-8.
        """
        texts = tf.strings.lower(texts, encoding="utf-8")
        texts = tf.strings.regex_replace(texts, _NO_WORD, " ")
        texts = tf.strings.regex_replace(texts, _CHARACTER, r" \1 ")
        words = tf.strings.split(texts)
        distinct, positions = tf.unique(words.flat_values)
        plain = tf.gather(self._without_accents(distinct), positions)
        nonempty = tf.strings.length(plain) > 0
        return tf.ragged.boolean_mask(
            words.with_flat_values(plain), words.with_flat_values(nonempty)
        )

    def _without_accents(self, words: tf.Tensor) -> tf.Tensor:
        characters = tf.strings.unicode_split(words, "UTF-8")
        numbers = self._numbers.lookup(characters.flat_values)
        plain = tf.gather(self._plain, tf.maximum(numbers, 0))
        plain = tf.where(numbers >= 0, plain, characters.flat_values)
        return tf.strings.reduce_join(characters.with_flat_values(plain), axis=-1)


@functools.cache
def _plain_forms() -> dict[str, str]:
    """Lower-case characters that are replaced, with their replacements."""
    forms = {chr(code): "" for code in _ACCENTS}
    for block in _BLOCKS:
        for character in map(chr, block):
            lower = character.lower()
            apart = unicodedata.normalize("NFKD", lower.casefold())
            bare = "".join(each for each in apart if ord(each) not in _ACCENTS)
            plain = unicodedata.normalize("NFC", bare)
            if plain != lower and plain.isalnum():
                forms[lower] = plain
    return forms
