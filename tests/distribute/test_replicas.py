"""Communication between replicas; without others, none."""

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.testing import TestCase


class ReplicasTest(TestCase):
    def test_slices_are_of_nearly_equal_size_and_cover_all_rows(self):
        self.assertEqual(
            [replicas.slice_bounds(7, n, 3) for n in range(3)], [(0, 2), (2, 4), (4, 7)]
        )
        self.assertEqual([replicas.slice_bounds(1, n, 2) for n in range(2)], [(0, 0), (0, 1)])

    def test_a_single_replica_has_all(self):
        values = tf.constant([[1.0], [2.0]])
        self.assertEqual((replicas.num_replicas(), replicas.replica_id()), (1, 0))
        self.assertIs(replicas.all_gather(values), values)
        self.assertIs(replicas.all_reduce_sum(values), values)
        self.assertIs(replicas.local_slice(values), values)
        self.assertEqual(int(replicas.row_offset(values)), 0)
        rows = tf.constant([4, 2])
        self.assertEqual(replicas.unique_across_replicas(rows, values), (rows, values))

    def test_integers_are_below_the_limit(self):
        drawn = replicas.draw_integers(500, tf.constant(3)).numpy()
        self.assertEqual(len(drawn), 500)
        self.assertEqual(set(drawn), {0, 1, 2})
        self.assertEqual(len(replicas.draw_integers(0, tf.constant(3))), 0)

    def test_a_variable_is_assigned(self):
        variable = tf.Variable(1.0)
        replicas.assign([variable], [tf.constant(3.0)])
        self.assertAllClose(variable, 3.0)


def test_the_slice_of_a_replica_has_a_static_shape(monkeypatch):
    """XLA needs static bounds of slices."""
    monkeypatch.setattr(replicas, "num_replicas", lambda: 3)
    monkeypatch.setattr(replicas, "all_gather", lambda rows: tf.tile(rows, [3]))

    @tf.function(jit_compile=True)
    def parts(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with monkeypatch.context() as patched:
            patched.setattr(replicas, "replica_id", lambda: number)
            rows = tf.range(1, 6)
            return replicas.row_offset(rows), replicas.local_slice(rows)

    # Five rows are two, two and one of three replicas, each of which has five of its own.
    expected = {0: (0, [1, 2]), 1: (5, [3, 4]), 2: (10, [5, 0])}
    for number, (first, part) in expected.items():
        found = parts(tf.constant(number))
        assert (int(found[0]), found[1].numpy().tolist()) == (first, part)
