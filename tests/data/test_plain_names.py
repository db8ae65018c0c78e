"""Names of features become names of files and scopes."""

import re

import pytest
import tensorflow as tf

from tests.serving.test_input_names import NAMES
from tfmmrec.data.plain_names import plain_name
from tfmmrec.data.schema import create_features
from tfmmrec.errors import ConfigError

# What TensorFlow accepts as the first name of a scope.
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


@pytest.mark.parametrize("name", ["title", "book_title", "year-2", "1st", "x" * 64])
def test_a_plain_name_stays(name):
    assert plain_name(name) == name


def test_all_names_are_valid_and_differ_without_case():
    plain = [plain_name(name) for name in NAMES]
    assert len({name.lower() for name in plain}) == len(NAMES)
    for name in plain:
        assert _SCOPE.fullmatch(name) and len(name) <= 64
        assert "/" not in name and not name.startswith(".")


def test_a_name_cannot_imitate_another_one():
    assert plain_name(plain_name("Title")) != plain_name("Title")


def test_keras_accepts_them():
    layer = tf.keras.layers.Dense(1, name=plain_name("Book Title: 标题"))
    assert tf.function(layer)(tf.zeros([1, 2])).shape == [1, 1]


@pytest.mark.parametrize("name", [False, None, 2019, 1.5, "", "\ud83d", "id"])
def test_names_that_cannot_be_kept_are_refused(name):
    with pytest.raises(ConfigError, match=r"^set\.yaml: items\.features"):
        create_features({name: {"modality": "text"}}, "set.yaml: items.features")


def test_twins_are_two_features():
    names = ["Title", "title", "e\u0301", "é", " ", "a b", "a_b"]
    assert list(create_features({n: {"modality": "text"} for n in names}, "x")) == names
