"""Words and pieces of words, as the built-in text encoders tokenize them."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.builtin.hashed_words import PADDING, START, hash_pieces, split_words

LIMITS = {"max_words": 4, "max_pieces": 5, "num_buckets": 1 << 14}


def hashed(*texts: str) -> np.ndarray:
    return hash_pieces(tf.constant(texts, tf.string), **LIMITS).numpy()


def test_words_of_any_script():
    words = split_words(tf.constant(["Don't STOP, Ärger!", "青蛙 sits😀", " \t!?", ""]), 10)
    assert words.to_list() == [
        [b"dont", b"stop", "ärger".encode()],
        ["青".encode(), "蛙".encode(), b"sits", "😀".encode()],
        [],
        [],
    ]
    assert split_words(tf.constant(["a b c"]), 2).to_list() == [[b"a", b"b"]]


def test_pieces_are_the_word_and_its_3_grams():
    (text,) = hashed("ab abc")
    # <ab>, <ab, ab>; <abc>, <ab, abc, bc>; the start.
    assert text.shape == (3, 4)
    assert text[0].tolist() == [START, PADDING, PADDING, PADDING]
    assert text[1, 3] == PADDING
    assert text[1, 1] == text[2, 1]  # <ab is in both
    hashes = [*text[1, :3], text[2, 0], *text[2, 2:]]
    assert len(set(hashes)) == 6
    assert min(hashes) >= 2
    assert max(hashes) < 1 << 14


def test_what_is_too_long_is_cut():
    both = hashed("one two three four five", "one two three four six")
    assert both.shape == (2, 5, 5)  # the start and four words; five pieces of <three>
    np.testing.assert_array_equal(both[0], both[1])


def test_texts_without_words_have_their_start():
    for texts in (("",), ("", "!?", "\ufeff")):
        np.testing.assert_array_equal(hashed(*texts), [[[START]]] * len(texts))
    both = hashed("", "ab")
    assert both[0].tolist() == [[START, 0, 0], [0, 0, 0]]
    assert hashed().shape == (0, 1, 1)


def test_hashes_are_the_same_in_a_graph_and_in_any_company():
    alone = hashed("frog")
    in_graph = tf.function(lambda texts: hash_pieces(texts, **LIMITS))
    both = in_graph(tf.constant(["frog", "a much longer pond"]))
    np.testing.assert_array_equal(both[0, :2], alone[0])
