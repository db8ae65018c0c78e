"""Target events of a batch, by hand."""

import doctest

import tensorflow as tf

from tfmmrec.tasks import targets
from tfmmrec.tasks.targets import flatten_targets, target_positions


def test_the_example_runs():
    assert doctest.testmod(targets).failed == 0


def test_positions_with_a_target_item():
    item = tf.constant([[-1, 7, 8], [-1, -1, -1], [9, -1, 7]])
    positions, valid = target_positions(item)
    assert valid is None
    assert positions.numpy().tolist() == [[0, 1], [0, 2], [2, 0], [2, 2]]
    static, valid = target_positions(item, static_shapes=True)
    # The same ones, then those without a target item.
    assert static.numpy().tolist()[:4] == positions.numpy().tolist()
    assert static.numpy().tolist()[4:] == [[0, 0], [1, 0], [1, 1], [1, 2], [2, 1]]
    assert valid.numpy().tolist() == [True] * 4 + [False] * 5


def test_each_row_of_a_batch_is_one_event():
    batch = {
        "history": tf.constant([[4, 5], [-1, -1]]),
        "user": tf.constant([7, 8]),
        "item": tf.constant([6, 3]),
        "num_earlier": tf.constant([2, 0]),
    }
    found = flatten_targets(batch)
    assert found.item.numpy().tolist() == [6, 3]
    assert found.previous_item.numpy().tolist() == [5, -1]
    assert found.batch_row.numpy().tolist() == [0, 1]
    assert found.num_earlier.numpy().tolist() == [2, 0]
    assert found.positions is None


def test_weights_and_disliked_items_travel_along():
    batch = {
        "history": tf.constant([[-1, 4], [5, -1]]),
        "user": tf.constant([7, 8]),
        "item": tf.constant([[4, 6], [3, -1]]),
        "num_earlier": tf.constant([[0, 1], [9, 10]]),
        "weight": tf.constant([[0.5, 2.0], [1.5, 0.0]]),
        "disliked": tf.constant([2, -1]),
        "disliked_weight": tf.constant([1.0, 0.0]),
    }
    assert flatten_targets(batch).weight.numpy().tolist() == [0.5, 2.0, 1.5]
    found = flatten_targets(batch, static_shapes=True)
    assert found.weight.numpy().tolist() == [0.5, 2.0, 1.5, 0.0]
    # One for each row of the batch.
    assert found.disliked.numpy().tolist() == [2, -1]
    assert found.disliked_weight.numpy().tolist() == [1.0, 0.0]


def test_each_position_of_a_window_with_a_target_item_is_one_event():
    batch = {
        "history": tf.constant([[-1, 4], [5, -1]]),
        "user": tf.constant([7, 8]),
        "item": tf.constant([[4, 6], [3, -1]]),
        "num_earlier": tf.constant([[0, 1], [9, 10]]),
    }
    for static_shapes in (False, True):
        found = flatten_targets(batch, static_shapes=static_shapes)
        assert found.item.numpy().tolist()[:3] == [4, 6, 3]
        assert found.previous_item.numpy().tolist()[:3] == [-1, 4, 5]
        assert found.batch_row.numpy().tolist()[:3] == [0, 0, 1]
        assert found.num_earlier.numpy().tolist()[:3] == [0, 1, 9]
        assert found.positions.numpy().tolist()[:3] == [[0, 0], [0, 1], [1, 0]]
