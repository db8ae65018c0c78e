"""Optimizer steps by hand: clipping, accumulation, overflow, and a loss that is not finite."""

import numpy as np
import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.testing import TestCase
from tfmmrec.training.optimizer_step import OptimizerStep


def create(*weights: tf.Variable, tables=(), **options) -> OptimizerStep:
    config = TrainConfig(ema_decay=0.0, **options)
    return OptimizerStep(weights, [], config, num_batches=100, tables=tables)


def adam(gradients: list[float], rate: float) -> float:
    """The weight after Adam's updates from 0."""
    weight = first = second = 0.0
    for step, gradient in enumerate(gradients, 1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        size = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weight -= size * first / (np.sqrt(second) + 1e-7)
    return weight


def row_adam(gradients: list[float], rate: float) -> float:
    """The weight of a row of width 1 after its updates from 0."""
    weight = second = 0.0
    for step, gradient in enumerate(gradients, 1):
        second = 0.999 * second + 0.001 * gradient**2
        weight -= rate * gradient / (np.sqrt(second / (1 - 0.999**step)) + 1e-7)
    return weight


class OptimizerStepTest(TestCase):
    def test_every_batch_is_an_update(self):
        weight = tf.Variable([0.0])
        optimizer_step = create(weight, learning_rate=0.1)
        for gradient in (1.0, -3.0):
            optimizer_step.apply_gradients(tf.constant(1.0), [[tf.constant([gradient])]])
        self.assertAllClose(weight, [adam([1.0, -3.0], 0.1)])
        self.assertEqual(int(optimizer_step.step), 2)
        self.assertAllClose(optimizer_step.average.averages[0], weight)

    def test_the_first_step_creates_no_variables(self):
        """Else TensorFlow would trace it twice, and a training would begin later."""
        weight, traces = tf.Variable([0.0]), []
        optimizer_step = create(weight)

        @tf.function
        def step(gradient):
            traces.append(gradient)
            optimizer_step.apply_gradients(tf.constant(1.0), [[gradient]])

        step(tf.constant([1.0]))
        self.assertLen(traces, 1)

    def test_several_batches_are_one_update_by_their_mean(self):
        weight, table = tf.Variable([0.0]), tf.Variable([[0.0], [0.0]])
        optimizer_step = create(
            weight,
            table,
            tables=[table],
            learning_rate=0.1,
            optimizer={"gradient_accumulation_steps": 2},
        )
        apply = tf.function(optimizer_step.apply_gradients)
        for gradient in (1.0, 5.0, -2.0, 4.0, 9.0):
            rows = tf.IndexedSlices(
                tf.constant([[gradient], [1.0]]), tf.constant([1, 1]), tf.constant([2, 1])
            )
            apply(tf.constant(1.0), [[tf.constant([gradient]), rows]])
        # Means of 3 and 1; the fifth batch waits for a sixth. In the table one more for the slice.
        self.assertAllClose(weight, [adam([3.0, 1.0], 0.1)])
        self.assertAllClose(table, [[0.0], [row_adam([4.0, 2.0], 0.1)]])
        self.assertAllClose(optimizer_step.sums.sums[0], [4.5])
        self.assertAllEqual(optimizer_step.sums.rows[0], [1, 1])
        self.assertAllClose(optimizer_step.sums.slices[0], [[4.5], [0.5]])
        self.assertEqual(int(optimizer_step.step), 5)
        self.assertEqual(int(optimizer_step.optimizer.iterations), 2)

    def test_the_norm_of_all_gradients_is_clipped(self):
        first, second = tf.Variable([0.0]), tf.Variable([[0.0], [0.0]])
        optimizer_step = create(
            first, second, learning_rate=0.1, optimizer={"global_clipnorm": 1.0}
        )
        # Slices of one row add up to 4, so that the norm is 5, and a fifth of each is left.
        slices = tf.IndexedSlices(
            tf.constant([[1.0], [3.0]]), tf.constant([1, 1]), tf.constant([2, 1])
        )
        optimizer_step.apply_gradients(tf.constant(1.0), [[tf.constant([3.0]), slices]])
        moments = [optimizer_step.optimizer.get_slot(weight, "m") for weight in (first, second)]
        self.assertAllClose(moments[0], [0.06])
        self.assertAllClose(moments[1], [[0.0], [0.08]])
        # What is shorter stays.
        optimizer_step.apply_gradients(tf.constant(1.0), [[tf.constant([0.5]), tf.zeros([2, 1])]])
        self.assertAllClose(moments[0], [0.9 * 0.06 + 0.05])

    def test_the_rate_is_that_of_the_update(self):
        weight = tf.Variable([0.0])
        options = {"schedule": "linear", "warmup": 0.5}
        optimizer_step = create(weight, learning_rate=0.1, optimizer=options)
        optimizer_step.apply_gradients(tf.constant(1.0), [[tf.constant([4.0])]])
        # Adam's first step is as long as the rate, here a fiftieth of the highest.
        self.assertAllClose(weight, [-0.002])

    def test_an_overflow_is_skipped_and_halves_the_scale(self):
        weight = tf.Variable([0.0])
        optimizer_step = create(weight, learning_rate=0.1, precision="mixed_float16")
        apply = tf.function(optimizer_step.apply_gradients)
        self.assertEqual(float(optimizer_step.factor), 2.0**15)
        apply(tf.constant(1.0), [[tf.constant([np.inf])]])
        self.assertAllEqual(weight, [0.0])
        self.assertEqual(float(optimizer_step.factor), 2.0**14)
        apply(tf.constant(1.0), [[tf.constant([3.0 * 2**14])]])
        self.assertAllClose(weight, [adam([3.0], 0.1)])
        self.assertEqual(int(optimizer_step.bad_step), -1)
        # Two thousand steps without one double it.
        optimizer_step.loss_scale.good_steps.assign(1999)
        apply(tf.constant(1.0), [[tf.constant([0.0])]])
        self.assertEqual(float(optimizer_step.factor), 2.0**15)

    def test_the_first_loss_that_is_not_finite_is_remembered(self):
        weight = tf.Variable([0.0])
        optimizer_step = create(weight)
        for loss in (1.0, np.inf, 2.0, np.nan):
            optimizer_step.apply_gradients(tf.constant(loss), [[tf.constant([1.0])]])
        self.assertEqual(int(optimizer_step.bad_step), 1)
        self.assertTrue(optimizer_step.are_finite())
        weight.assign([np.nan])
        self.assertFalse(optimizer_step.are_finite())
