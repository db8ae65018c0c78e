"""The moving average of weights, calculated by hand."""

import tensorflow as tf

from tfmmrec.testing import TestCase
from tfmmrec.training.ema import ExponentialMovingAverage


class ExponentialMovingAverageTest(TestCase):
    def test_it_follows_the_weights(self):
        weight = tf.Variable([0.0, 8.0])
        average = ExponentialMovingAverage([weight], 0.15)
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
        average = ExponentialMovingAverage([weight], 0.0)
        weight.assign([3.0])
        average.update()
        self.assertAllClose(average.averages[0], [3.0])

    def test_a_second_swap_undoes_the_first(self):
        weight = tf.Variable([1.0])
        average = ExponentialMovingAverage([weight], 0.9)
        weight.assign([5.0])
        average.swap()
        self.assertAllClose(weight, [1.0])
        self.assertAllClose(average.averages[0], [5.0])
        average.swap()
        self.assertAllClose(weight, [5.0])
