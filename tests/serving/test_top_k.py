"""Top-k with k and excluded items per row, padding and ties."""

import numpy as np
import tensorflow as tf

from tfmmrec.serving.top_k import LOWEST, top_items
from tfmmrec.testing import TestCase

IDS = tf.constant(["a", "b", "c", "d"])
SCORES = tf.constant([[0.1, 0.4, 0.3, 0.2], [4.0, 3.0, 2.0, 1.0]])
NOTHING = tf.fill([2, 1], -1)


class TopItemsTest(TestCase):
    def answer(self, k: list[int], left_out=NOTHING, scores=SCORES) -> tuple[list, np.ndarray]:
        top = tf.function(
            top_items,
            input_signature=[
                tf.TensorSpec([None, None], tf.float32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None], tf.string),
            ],
        )
        items, values = top(scores, tf.constant(k), tf.constant(left_out), IDS)
        self.assertEqual(items.shape, values.shape)
        return [[name.decode() for name in row] for row in items.numpy()], values.numpy()

    def test_each_row_gets_its_own_k(self):
        items, scores = self.answer([1, 3])
        self.assertEqual(items, [["b", "", ""], ["a", "b", "c"]])
        self.assertAllClose(scores, [[0.4, LOWEST, LOWEST], [4.0, 3.0, 2.0]])
        self.assertTrue(np.isfinite(scores).all(), "JSON has no infinity")

    def test_excluded_items_are_per_row(self):
        items, _ = self.answer([2, 2], [[1, 2, -1], [-1, -1, 0]])
        self.assertEqual(items, [["d", "a"], ["b", "c"]])
        # The same item twice is left out all the same.
        items, _ = self.answer([2, 2], [[1, 1, 1], [3, 3, -1]])
        self.assertEqual(items, [["c", "d"], ["a", "b"]])

    def test_without_excluded_items(self):
        items, _ = self.answer([1, 1], np.zeros([2, 0], np.int32))
        self.assertEqual(items, [["b"], ["a"]])

    def test_rows_with_few_items_are_padded(self):
        items, scores = self.answer([4, 2], [[0, 1, 3], [0, 1, 2]])
        self.assertEqual(items, [["c", "", "", ""], ["d", "", "", ""]])
        self.assertAllClose(scores[:, 1:], np.full([2, 3], LOWEST))
        items, _ = self.answer([1, 1], [[0, 1, 2, 3], [0, 1, 2, -1]])
        self.assertEqual(items, [[""], ["d"]])

    def test_k_above_the_catalog_and_zero(self):
        items, _ = self.answer([9, 0])
        self.assertEqual(items, [["b", "c", "d", "a"], ["", "", "", ""]])
        items, scores = self.answer([0, 0])
        self.assertEqual((items, scores.shape), ([[], []], (2, 0)))
        items, _ = self.answer([-3, 1])
        self.assertEqual(items, [[""], ["a"]])

    def test_ties_are_in_catalog_order(self):
        items, _ = self.answer([4, 2], scores=tf.constant([[1.0, 2.0, 1.0, 2.0], [0.0] * 4]))
        self.assertEqual(items, [["b", "d", "a", "c"], ["a", "b", "", ""]])

    def test_a_batch_of_one(self):
        items, scores = self.answer([2], [[1]], SCORES[:1])
        self.assertEqual(items, [["c", "d"]])
        self.assertAllClose(scores, [[0.3, 0.2]])
