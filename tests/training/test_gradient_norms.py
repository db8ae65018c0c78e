"""Gradient norms by part of a model."""

import pytest
import tensorflow as tf

from tfmmrec.training.gradient_norms import GradientNorms


def test_the_mean_norm_of_each_part():
    first, second, third, apart = (tf.Variable([0.0, 0.0]) for _ in range(4))
    norms = GradientNorms({"a": [first, third], "b": [apart]}, [first, second, third])
    rows = tf.IndexedSlices(tf.constant([12.0]), tf.constant([1]), tf.constant([2]))
    add = tf.function(norms.add)
    add([tf.constant([3.0, 4.0]), tf.constant([9.0, 9.0]), rows], tf.constant(1.0))
    # The lengths of (3, 4, 12) and of (10, 0), the latter of a loss that was doubled.
    add([tf.constant([10.0, 0.0]), None, None], tf.constant(2.0))
    assert norms.pop_means() == pytest.approx({"a": (13.0 + 5.0) / 2, "b": 0.0})
    assert norms.pop_means() == {}


def test_without_parts_there_are_no_norms():
    norms = GradientNorms({}, [])
    norms.add([], tf.constant(1.0))
    assert norms.pop_means() == {}


def test_a_batch_that_overflows_is_ignored():
    first, second = tf.Variable([0.0, 0.0]), tf.Variable([0.0])
    norms = GradientNorms({"a": [first], "b": [second]}, [first, second])
    norms.add([tf.constant([3.0, 4.0]), tf.constant([2.0])], tf.constant(1.0))
    norms.add([tf.constant([float("inf"), 0.0]), tf.constant([2.0])], tf.constant(1.0))
    assert norms.pop_means() == pytest.approx({"a": 5.0, "b": 2.0})
