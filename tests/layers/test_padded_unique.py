"""Unique rows: the same rows in the same order, with dynamic and static shapes."""

import tensorflow as tf

from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.testing import TestCase

ROWS = [7, 3, 7, 0, 3, 9]


class DistinctTest(TestCase):
    def test_rows_are_unique_in_order_of_first_occurrence(self):
        each, places, real = padded_unique(tf.constant(ROWS))
        self.assertAllEqual(each, [7, 3, 0, 9])
        self.assertAllEqual(places, [0, 1, 0, 2, 1, 3])
        self.assertAllEqual(real, [True] * 4)

    def test_a_static_shape_is_padded_with_zeros(self):
        # At most as many as rows, as what they are below, and as were said to be there.
        for below, most, length in ((30, None, 6), (10, None, 6), (10, 5, 5), (10, 8, 6)):
            each, places, real = padded_unique(tf.constant(ROWS), below, most=most)
            self.assertAllEqual(each, [7, 3, 0, 9] + [0] * (length - 4))
            self.assertAllEqual(places, [0, 1, 0, 2, 1, 3])
            self.assertAllEqual(real, [True] * 4 + [False] * (length - 4))

    def test_a_graph_has_the_static_shape(self):
        traced = tf.function(lambda rows: padded_unique(rows, 4)).get_concrete_function(
            tf.TensorSpec([6], tf.int32)
        )
        self.assertEqual([part.shape.as_list() for part in traced.outputs], [[4], [6], [4]])
