"""The moving average of weights, calculated by hand."""

import numpy as np
import tensorflow as tf

from tfmmrec.testing import TestCase
from tfmmrec.training.ema import EmaDecay, ExponentialMovingAverage


class ExponentialMovingAverageTest(TestCase):
    def test_it_follows_the_weights(self):
        weight = tf.Variable([0.0, 8.0])
        average = ExponentialMovingAverage([weight], EmaDecay(0.15))
        weight.assign([10.0, 8.0])
        average.update()
        # The first decay is 1 / 10: 0.1 * 0 + 0.9 * 10 = 9.
        self.assertAllClose(average.averages[0], [9.0, 8.0])
        weight.assign([19.0, 8.0])
        average.update()
        # The second would be 2 / 11 and is held at 0.15: 0.15 * 9 + 0.85 * 19 = 17.5.
        self.assertAllClose(average.averages[0], [17.5, 8.0])

    def test_a_decay_of_zero_is_the_weights_themselves(self):
        weight = tf.Variable([0.0])
        average = ExponentialMovingAverage([weight], EmaDecay(0.0))
        weight.assign([3.0])
        average.update()
        self.assertAllClose(average.averages[0], [3.0])

    def test_within_the_context_the_weights_are_their_averages(self):
        weight = tf.Variable([1.0])
        average = ExponentialMovingAverage([weight], EmaDecay(0.9))
        weight.assign([5.0])
        with average.applied():
            self.assertAllClose(weight, [1.0])
        self.assertAllClose(weight, [5.0])
        average.assign_to_weights()
        self.assertAllClose(weight, [1.0])


class EmaDecayTest(TestCase):
    def test_products_equal_those_of_the_steps(self):
        for rate in (0.0, 0.15, 0.5, 0.98):
            decay = EmaDecay(rate)
            # The decays of the first steps are 1 / 10, 2 / 11, 3 / 12 and so on, at most `rate`.
            decays = [min(rate, (1 + step) / (10 + step)) for step in range(600)]
            self.assertAllClose(
                [decay.at(tf.constant(step)) for step in (0, 7, 599)],
                [decays[step] for step in (0, 7, 599)],
            )
            for start, end in ((0, 0), (0, 1), (3, 9), (430, 450), (2, 600), (500, 600)):
                found = tf.exp(decay.log_product(tf.constant([start, end]), tf.constant(end)))
                self.assertAllClose(found, [np.prod(decays[start:end]), 1.0], rtol=1e-4)
