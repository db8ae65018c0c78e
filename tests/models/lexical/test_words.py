"""Words are the same in an index and a query, whatever their script, case and accents."""

import pytest
import tensorflow as tf

from tfmmrec.models.lexical.words import Tokenizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Matrix (1999)", "the matrix 1999"),
        ("Café-Bar POKÉMON", "cafe bar pokemon"),
        ("cafe\u0301", "cafe"),  # The accent is a character of its own.
        ("STRASSE Straße", "strasse strasse"),
        ("İstanbul ısı", "istanbul ısı"),
        ("Ёлка СОБАКА", "елка собака"),
        ("ΣΊΣΥΦΟΣ Σίσυφος", "σισυφοσ σισυφοσ"),
        ("東京タワー", "東 京 タ ワ ー"),
        ("ｍａｔｒｉｘ １２", "matrix 12"),
        ("ﾆﾜﾄﾘ", "ニ ワ ト リ"),
        ("ก็ดี", "ก ็ ด ี"),
        ("हिन्दी में", "हिन्दी में"),  # Vowel signs are parts of a word.
        ("서울 타워", "서울 타워"),
        ("مرحبا بالعالم", "مرحبا بالعالم"),
        ("", ""),
        (" …!? ", ""),
        ("a\u2028b\nc\td", "a b c d"),
    ],
)
def test_words(text: str, words: str) -> None:
    found = Tokenizer()(tf.constant([text])).to_list()[0]
    assert " ".join(word.decode() for word in found) == words


def test_invalid_utf8_breaks_nothing() -> None:
    assert Tokenizer()(tf.constant([b"\xff\xfe red", b"blue"])).to_list() == [[b"red"], [b"blue"]]
