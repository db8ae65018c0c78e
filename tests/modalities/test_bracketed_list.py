"""Lists that a cell holds as a text: which texts are lists, and their members."""

from pathlib import Path

import numpy as np
import pytest

from tests.modalities.contract import refused
from tfmmrec.modalities import Categorical, Text
from tfmmrec.modalities.bracketed_list import read_list
from tfmmrec.modalities.multi_valued import MultiValued
from tfmmrec.modalities.vector import Vector

LISTS = {
    "[8, 27]": [8, 27],
    "[8,27]": [8, 27],
    " [ 8 , 27 ] ": [8, 27],
    "[8]": [8],
    "[-1, +2, 1.5, 1., .5, 1e3, 0]": [-1, 2, 1.5, 1.0, 0.5, 1000.0, 0],
    "['Books', 'Fiction']": ["Books", "Fiction"],
    '["Books", "Fiction"]': ["Books", "Fiction"],
    "['Books, used', \"Reader's choice\"]": ["Books, used", "Reader's choice"],
    r"['Reader\'s', '\u00e9\xe9\n', 'a\\b', '\d']": ["Reader's", "éé\n", "a\\b", r"\d"],
    r'["a\/b", "\ud83d\ude00"]': ["a/b", "😀"],
    "[u'Action', u'Drama']": ["Action", "Drama"],
    "[b'Action']": ["Action"],
    "['a', None, 'b', nan]": ["a", "b"],
    '["a", null, true]': ["a", True],
    "['a', 'b',]": ["a", "b"],
    "['[a]', '(b)', '{c}']": ["[a]", "(b)", "{c}"],
    "['',]": [""],
    "[]": [],
    "{}": [],
    "()": [],
    "[ ]": [],
    "[None]": [],
    "{'a', 'b'}": ["a", "b"],
    "('a', 'b')": ["a", "b"],
    "('a',)": ["a"],
    "{8}": [8],
    "[1 2 3]": [1, 2, 3],
    "['a' 'b']": ["a", "b"],
    "['a'\n 'b']": ["a", "b"],
    "[np.int64(3), np.str_('a'), np.float32(0.5)]": [3, "a", 0.5],
    "['中文', 'Ünï']": ["中文", "Ünï"],
}
TEXTS = [
    *(
        "[REC]",
        "[other]",
        "(2019)",
        "('a')",
        "[a] b",
        "a [b]",
        "[a] [b]",
        "[1] and [2]",
        "[",
        "[]]",
    ),
    *(
        "{other}",
        "(a) b (c)",
        "[a, b]",
        "['a'",
        "['a' b]",
        "['a''b']",
        "[1)",
        "[007, 008]",
        ":]",
        "",
    ),
    *("[f(1)]", "[np.int64(3]", "[1:2]", "('Live')", "[...]", "[٣]", '["a]'),
]


@pytest.mark.parametrize("text", LISTS)
def test_a_text_that_is_a_list_as_a_whole_is_one(text):
    assert read_list(text) == LISTS[text]
    assert read_list(text.encode()) == LISTS[text]
    assert read_list(text, ",") == LISTS[text]
    assert list(map(type, read_list(text))) == list(map(type, LISTS[text]))


def test_what_numpy_and_python_write_is_read():
    names = ["Books", "Reader's choice", 'a "b"', "tab\t", "\\", "é\u2028😀", 'it\'s "both"']
    assert read_list(str(names)) == read_list(repr(tuple(names))) == names
    assert read_list(str(np.array(names))) == names
    numbers = np.arange(1, 6) / 4
    assert read_list(str(numbers)) == numbers.tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_in_brackets_are_texts(text):
    assert read_list(text) is None
    assert Categorical().check(text, Path()) == ([text.encode()] if text else None)


NESTED = ["[['a'], ['b']]", "[[1], [2]]", "[{'id': 1, 'name': 'a'}]", '{"a": 1}', "[('a', 1)]"]


@pytest.mark.parametrize("text", [*NESTED, '[{"id": 1}]'])
def test_lists_of_lists_and_objects_are_refused(text):
    for modality in (Categorical(), Categorical(","), MultiValued(Text())):
        assert "a list of single values is expected" in refused(modality, text, Path())


def test_a_list_that_numpy_shortened_is_refused():
    text = str(np.arange(2000))
    assert "NumPy shortened" in refused(Categorical(","), text, Path())


@pytest.mark.parametrize(
    "text", ["[Books, Fiction]", "{Books,Fiction}", "[007, 008]", "[Enum(1), a]"]
)
def test_a_separator_does_not_divide_a_text_in_brackets(text):
    assert "needs its texts in quotes" in refused(Categorical(","), text, Path())
    # The separator is not in it.
    assert Categorical("|").check(text, Path()) == [text.encode()]


def test_categories_of_a_list_are_not_split(tmp_path):
    for modality in (Categorical(), Categorical(",")):
        assert modality.check(b"['Books, used', 'Fiction', None]", tmp_path) == [
            b"Books, used",
            b"Fiction",
        ]
        assert modality.check(b"[8, 27, 8]", tmp_path) == [b"8", b"27"]
        assert modality.check(["Books, used"], tmp_path) == [b"Books, used"]
        assert modality.check("[]", tmp_path) is None
    # Other cells of the column are split as usual.
    assert Categorical("|").check("[a]|[b]", tmp_path) == [b"[a]", b"[b]"]


def test_texts_of_several_values_take_lists_and_those_of_one_do_not(tmp_path):
    several = MultiValued(Text(), separator=",")
    assert several.check("['a, b', 'c']", tmp_path) == [b"a, b", b"c"]
    assert several.check(b"[]", tmp_path) is None
    assert Text().check("['a', 'b']", tmp_path) == [b"['a', 'b']"]


@pytest.mark.parametrize(
    "text",
    ["[0.5, 2]", "(0.5, 2)", "[0.5 2.]", "[0.5, 2,]", "[np.float32(0.5), np.float32(2.0)]"],
)
def test_vectors_take_lists(tmp_path, text):
    assert Vector(2).check(text, tmp_path) == [0.5, 2.0]
