"""Inputs that are left out or null, by what signatures.json says of them."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.modalities import create
from tfmmrec.serving.input_facts import InputFacts
from tfmmrec.serving.rest_json import decode_request
from tfmmrec.serving.rest_values import BadRequest

SPECS = {
    "recommend": {
        "age": tf.TensorSpec([None], tf.float32),
        "history": tf.TensorSpec([None, None], tf.string),
        "history_time": tf.TensorSpec([None, None], tf.int64),
        "k": tf.TensorSpec([None], tf.int32),
        "tags": tf.TensorSpec([None, None], tf.string),
        "taste": tf.TensorSpec([None, 3], tf.float32),
    }
}


def feature(name, **options):
    return InputFacts(required=False, feature=name, modality=create(options))


FACTS = {
    "recommend": {
        "age": feature("age", modality="number"),
        "history": InputFacts(),
        "history_time": InputFacts(required=False, absent=0, as_long_as="history"),
        "k": InputFacts(required=False, absent=10),
        "tags": feature("tags", modality="categorical"),
        "taste": feature("taste", modality="vector", dim=3),
    }
}


def decode(**body):
    request = {"signature_name": "recommend", **body}
    return decode_request(json.dumps(request).encode(), SPECS, FACTS)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [{"history": ["a", "b"]}, {"history": ["c", "d"], "tags": ["x"], "k": 2}]},
        {"inputs": {"history": [["a", "b"], ["c", "d"]], "tags": [None, ["x"]], "k": [None, 2]}},
    ],
)
def test_what_is_left_out_is_absent(body):
    request = decode(**body)
    inputs = {name: value.tolist() for name, value in request.inputs.items()}
    assert inputs["history"] == [[b"a", b"b"], [b"c", b"d"]]
    assert inputs["history_time"] == [[0, 0], [0, 0]]  # as long as the history
    assert inputs["k"] == [10, 2]
    assert inputs["tags"] == [[b""], [b"x"]]  # as long as the longest row
    np.testing.assert_array_equal(request.inputs["age"], np.float32([np.nan] * 2))
    np.testing.assert_array_equal(request.inputs["taste"], np.full([2, 3], np.nan, np.float32))
    assert {name: value.dtype for name, value in request.inputs.items()} == {
        name: spec.dtype.as_numpy_dtype for name, spec in SPECS["recommend"].items()
    }


def test_columns_have_the_same_number_of_rows():
    with pytest.raises(BadRequest, match="same number of rows: history has 2, age has 1"):
        decode(inputs={"history": [["a"], ["b"]], "age": [1]})
    # As in TensorFlow Serving, one k holds for all.
    assert decode(inputs={"k": [3], "history": [["a"], ["b"]]}).inputs["age"].shape == (2,)


def test_null_stands_for_one_value():
    row = {"history": ["a", None], "history_time": [None, 5], "taste": [1, None, 3], "tags": []}
    inputs = decode(instances=[row]).inputs
    assert inputs["history"].tolist() == [[b"a", b""]]
    assert inputs["history_time"].tolist() == [[0, 5]]
    np.testing.assert_array_equal(inputs["taste"], np.float32([[1, np.nan, 3]]))
    assert inputs["tags"].shape == (1, 0)


def test_null_history_and_a_row_of_another_length():
    inputs = decode(instances=[{"history": None}, {"history": ["a", "b"]}]).inputs
    assert inputs["history"].tolist() == [[b"", b""], [b"a", b"b"]]
    assert inputs["history_time"].tolist() == [[0, 0], [0, 0]]
    with pytest.raises(BadRequest, match="history: ragged"):
        decode(instances=[{"history": []}, {"history": ["a"]}])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"tag": ["x"]}, ["'history' (string [batch, n]) is missing", "did you mean tags?"]),
        ({"history": [], "k": 1.5, "taste": [1]}, ["k: a value of int32", "taste: the shape"]),
        ({"history": [], "age": "30", "tags": "x"}, ["age: a value of float32", "tags: the shape"]),
    ],
)
def test_all_problems_are_in_one_line(row, words):
    with pytest.raises(BadRequest) as raised:
        decode(instances=[row])
    for each in words:
        assert each in str(raised.value)
    assert len(raised.value.problems) == 2
