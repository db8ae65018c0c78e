"""Encoders of numbers and categories: order, extremes, and the same encoding of a request."""

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.data.tfrecords import encode_example
from tfmmrec.encoders.tabular import CategoryEncoder, NumberEncoder
from tfmmrec.modalities import Number
from tfmmrec.modalities.counters import NumberCounter

COLUMNS = {
    "dates": [20200101.0 + day for day in range(31)],
    "unix_times": [1_500_000_000.0 + 10 * minute for minute in range(60)],
    "extremes": [-3e38, -1.0, 0.0, 1.0, 3e38],
    "far": [3.4e38, -3.4e38],
    "denormal": [0.0, 1e-45, 1e-39, 1e-38, 3e-38],
    "constant": [20200101.0] * 4,
    "largest": [3.4028234e38],
    "views": [1.0, 20.0, 3000.0, 17_000_001.0, 9e9],
}


def fitted(column: list[float]) -> NumberEncoder:
    counter = NumberCounter()
    for number in column:
        counter.count([number])
    return NumberEncoder(counter.statistics()["quantiles"])


@pytest.mark.parametrize("name", COLUMNS)
def test_encodings_are_finite_and_keep_the_order(name: str):
    column = COLUMNS[name]
    values = tf.constant([*sorted(column), np.nan, np.inf, -3.4e38, 3.4e38], tf.float32)
    encoded = fitted(column).encode(values).numpy()
    assert ((encoded >= 0) & (encoded <= 1)).all()
    sums = encoded[: len(column)].sum(axis=1)
    assert (np.diff(sums) >= 0).all()
    # As many encodings as float32 numbers, but for denormal ones, which count as 0.
    stored = np.asarray(column, np.float32)
    stored = np.where(np.abs(stored) < np.finfo(np.float32).tiny, 0, stored)
    assert len(np.unique(sums)) == len(np.unique(stored))


def test_the_bins_are_crossed_one_after_the_other():
    # Widths 2, and 2 * 3e38, which overflows: 0 is half of it.
    encoder = NumberEncoder([0.0, 2.0, 6.0])
    encoded = encoder.encode(tf.constant([1.0, 3.0]))
    np.testing.assert_allclose(encoded, [[0.5, 0.0], [1.0, 0.25]])
    wide = NumberEncoder([-3e38, 3e38]).encode(tf.constant([-3e38, 0.0, 1.5e38, 3e38]))
    np.testing.assert_allclose(wide, [[0.0], [0.5], [0.75], [1.0]], rtol=1e-6)


@pytest.mark.parametrize("raw", [20200103, 1_500_000_123, 9_780_306_406_157, -3e38, 0.1])
def test_a_request_is_encoded_like_the_record(raw: float, tmp_path):
    number = Number()
    stored = number.check(raw, tmp_path)
    parsed = tf.io.parse_example([encode_example({"n": stored})], {"n": number.parsing()})["n"]
    spec = number.signature("n")
    served = number.from_request(tf.constant([raw], spec.dtype))
    encoder = fitted([raw - abs(raw) * 1e-6, raw, raw + abs(raw) * 1e-6])
    np.testing.assert_array_equal(encoder.encode(parsed), encoder.encode(served))


def test_without_any_category_each_is_unknown():
    encoder = CategoryEncoder([], max_values=2)
    encoded = encoder.encode(tf.ragged.constant([["red"], []], dtype=tf.string))
    np.testing.assert_array_equal(encoded, [[1, 0], [0, 0]])
    assert encoder.size == 2
