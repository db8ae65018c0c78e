"""The learned temperature by hand."""

import doctest

import numpy as np
import tensorflow as tf

from tfmmrec.layers import temperature
from tfmmrec.layers.temperature import LearnedTemperature
from tfmmrec.testing import TestCase


class LearnedTemperatureTest(TestCase):
    def test_the_example_runs(self):
        self.assertEqual(doctest.testmod(temperature).failed, 0)

    def test_the_config_makes_a_copy(self):
        layer = LearnedTemperature(0.25, num_temperatures=2)
        copy = LearnedTemperature.from_config(layer.get_config())
        self.assertAllClose(copy.values, [0.25, 0.25])

    def test_it_has_full_precision_under_every_policy(self):
        before = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            layer = LearnedTemperature(0.01)
            queries = tf.constant([[1e4, -1e4]])
            # float16 holds 65,504 at most.
            self.assertAllClose(layer(queries), [[1e6, -1e6]])
        finally:
            tf.keras.mixed_precision.set_global_policy(before)

    def test_each_block_has_its_temperature(self):
        layer = LearnedTemperature(num_temperatures=2)
        layer.log_temperature.assign(np.log([0.5, 0.25]))
        self.assertAllClose(layer(tf.constant([[1.0, 2.0, 3.0, 4.0]])), [[2.0, 4.0, 12.0, 16.0]])

    def test_the_value_stays_within_its_bounds(self):
        layer = LearnedTemperature(0.25)
        for log_temperature, expected in ((-50.0, 0.01), (np.log(0.25), 0.25), (3.0, 1.0)):
            layer.log_temperature.assign([log_temperature])
            self.assertAllClose(layer.values, [expected])
