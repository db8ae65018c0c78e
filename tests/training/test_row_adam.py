"""Row-wise Adam by hand: rows of a batch, their state, and the average that lags behind."""

import numpy as np
import tensorflow as tf

from tfmmrec.testing import TestCase
from tfmmrec.training.ema import EmaDecay, ExponentialMovingAverage
from tfmmrec.training.row_adam import RowAdam


def slices(rows: list[int], values: list[list[float]]) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([3, 2]))


def create(table: tf.Variable, decay: float = 0.0) -> tuple[RowAdam, ExponentialMovingAverage]:
    optimizer = RowAdam(0.1, [table], EmaDecay(decay))
    optimizer._create_all_weights([table])
    return optimizer, ExponentialMovingAverage([table], EmaDecay(decay), optimizer)


class RowAdamTest(TestCase):
    def test_a_row_moves_by_its_gradient_over_its_root_mean_square(self):
        table = tf.Variable([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
        optimizer, _ = create(table)
        # Mean squares of 12.5 and 50, whose bias is corrected: steps of g / 3.5355 and g / 7.0711.
        optimizer.apply_gradients([(slices([0, 2], [[3.0, 4.0], [-1.0, 9.95]]), table)])
        root = np.sqrt(12.5)
        self.assertAllClose(table[0], [1.0 - 0.1 * 3.0 / root, 1.0 - 0.1 * 4.0 / root])
        self.assertAllEqual(table[1], [2.0, 2.0])
        # The second update of row 0: 0.001 * (0.999 * 12.5 + 2) / (1 - 0.999 ** 2) = 7.2474.
        before = table[0].numpy()
        optimizer.apply_gradients([(slices([0], [[2.0, 0.0]]), table)])
        mean_square = 0.001 * (0.999 * 12.5 + 2.0) / (1 - 0.999**2)
        self.assertAllClose(table[0], before - [0.1 * 2.0 / np.sqrt(mean_square), 0.0])

    def test_slices_of_one_row_are_summed(self):
        table, other = (tf.Variable(tf.zeros([3, 2])) for _ in range(2))
        create(table)[0].apply_gradients([(slices([1, 1], [[1.0, 2.0], [3.0, 0.0]]), table)])
        create(other)[0].apply_gradients([(slices([1], [[4.0, 2.0]]), other)])
        self.assertAllClose(table, other)

    def test_dense_gradients_give_the_same_result(self):
        table, other = (tf.Variable(tf.ones([3, 2])) for _ in range(2))
        (sparse, one), (dense, two) = create(table, 0.9), create(other, 0.9)
        for step in range(4):
            rows = slices([step % 3, 2], [[1.0, -2.0 * step], [0.0, 0.0]])
            if step % 3 == 2:
                rows = slices([2], [[1.0, -2.0 * step]])
            sparse.apply_gradients([(rows, table)])
            dense.apply_gradients([(tf.convert_to_tensor(rows), other)])
        self.assertAllClose(table, other)
        with one.applied(), two.applied():
            self.assertAllClose(table, other)

    def test_the_lazy_average_equals_that_of_every_step(self):
        table = tf.Variable([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
        optimizer, average = create(table, 0.6)
        expected = table.numpy()
        for step in range(9):
            rows = [step % 2] if step < 5 else [1]
            optimizer.apply_gradients([(slices(rows, [[1.0 + step, -2.0]]), table)])
            decay = min(0.6, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * table.numpy()
        weights = table.numpy()
        with average.applied():
            self.assertAllClose(table, expected, rtol=1e-5)
        self.assertAllEqual(table, weights)
        # The average goes on from there.
        optimizer.apply_gradients([(slices([0], [[1.0, 1.0]]), table)])
        expected = 0.5263158 * expected + 0.4736842 * table.numpy()  # 10 / 19 of the tenth step
        average.assign_to_weights()
        self.assertAllClose(table, expected, rtol=1e-5)

    def test_a_step_costs_as_much_as_the_batch(self):
        """No tensor of a step has the size of the table."""
        table = tf.Variable(tf.zeros([1000, 2]))
        optimizer, average = create(table, 0.9)

        @tf.function
        def step(rows: tf.Tensor, values: tf.Tensor) -> None:
            optimizer.apply_gradients([(tf.IndexedSlices(values, rows), table)])
            average.update()

        graph = step.get_concrete_function(tf.constant([5, 7]), tf.ones([2, 2])).graph
        sizes = [
            output.shape.num_elements() or 0
            for operation in graph.get_operations()
            for output in operation.outputs
            if output.dtype != tf.resource
        ]
        self.assertLess(max(sizes), 1000)
