"""Interactions as a matrix."""

import numpy as np

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.baselines.interactions import interaction_matrix


def test_choices_are_ones_however_often_they_are_repeated():
    # User 0 chose 2, 0 and 2 again, user 1 nothing, user 2 item 1.
    histories = Histories(np.array([2, 0, 2, 1], np.int32), np.array([0, 3, 3, 4]))
    expected = [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    np.testing.assert_array_equal(interaction_matrix(histories, 3).toarray(), expected)
    assert histories.items.tolist() == [2, 0, 2, 1]
