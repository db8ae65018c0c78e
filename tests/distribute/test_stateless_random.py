"""Random numbers are a function of seed and step, with the right distribution."""

import types
from unittest import mock

import numpy as np
import tensorflow as tf

from tfmmrec.distribute.stateless_random import (
    Dropout,
    integers,
    keep_mask,
    step_key,
    uniform,
    use_key,
)
from tfmmrec.testing import TestCase


def draw(step: int, seed: int = 0) -> list[np.ndarray]:
    with use_key(step_key(seed, tf.constant(step))):
        parts = [uniform([50]), uniform([50]), integers([50], 9), keep_mask([50], 0.5)]
    return [part.numpy() for part in parts]


class DrawsTest(TestCase):
    def test_a_step_draws_the_same_numbers_again(self):
        for one, other in zip(draw(3), draw(3), strict=True):
            self.assertAllEqual(one, other)

    def test_other_steps_seeds_and_draws_differ(self):
        first = draw(3)
        for other in (draw(4), draw(3, seed=1), [first[1], first[0], *draw(5)[2:]]):
            for one, two in zip(first, other, strict=True):
                self.assertNotAllEqual(one, two)

    def test_xla_draws_the_same(self):
        def compute(key: tf.Tensor) -> list[tf.Tensor]:
            with use_key(key):
                return [uniform([50]), keep_mask([50], 0.3), integers([50], 1000), uniform([3, 5])]

        key = step_key(7, tf.constant(2))
        for one, other in zip(
            compute(key), tf.function(compute, jit_compile=True)(key), strict=True
        ):
            self.assertAllEqual(one, other)

    def test_replicas_draw_different_numbers(self):
        alone = step_key(0, tf.constant(1))
        second = types.SimpleNamespace(replica_id_in_sync_group=1)
        with mock.patch.object(tf.distribute, "get_replica_context", return_value=second):
            self.assertNotAllEqual(alone, step_key(0, tf.constant(1)))

    def test_distributions(self):
        with use_key(step_key(0, tf.constant(0))):
            floats, whole, mask = uniform([40_000]), integers([40_000], 4), keep_mask([40_000], 0.2)
        # Deviations of the means: 0.29, 1.12 and 0.4, each over 200.
        self.assertAllClose(tf.reduce_mean(floats), 0.5, atol=0.006)
        self.assertAllClose(tf.reduce_mean(tf.cast(whole, tf.float32)), 1.5, atol=0.025)
        self.assertAllClose(tf.reduce_mean(tf.cast(mask, tf.float32)), 0.8, atol=0.008)
        self.assertBetween(float(tf.reduce_min(floats)), 0.0, 0.001)
        self.assertBetween(float(tf.reduce_max(floats)), 0.999, 1.0 - 2.0**-24)


class DropoutTest(TestCase):
    def test_layer(self):
        self.run_layer_test(lambda: Dropout(0.4), {"inputs": tf.ones([2, 3])}, (2, 3))

    def test_remaining_values_are_scaled_up(self):
        dropped = Dropout(0.75)(tf.fill([100, 100], 2.0), training=True).numpy()
        self.assertEqual(set(np.unique(dropped)), {0.0, 8.0})
        # A deviation of 0.0043.
        self.assertAllClose((dropped > 0).mean(), 0.25, atol=0.02)

    def test_nothing_is_dropped_outside_of_training(self):
        self.assertAllEqual(Dropout(0.9)(tf.ones([100])), tf.ones([100]))
        self.assertAllEqual(Dropout(0.0)(tf.ones([100]), training=True), tf.ones([100]))
