"""Interactions as a matrix."""

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.evaluation.baselines.interactions import decayed_interaction_matrix

# User 0 chose 2, 0 and 2 again, user 1 nothing, user 2 item 1.
HISTORIES = Histories(np.array([2, 0, 2, 1], np.int32), np.array([0, 3, 3, 4]))


def test_choices_are_ones_however_often_they_are_repeated():
    expected = [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    np.testing.assert_array_equal(interaction_matrix(HISTORIES, 3).toarray(), expected)
    assert HISTORIES.items.tolist() == [2, 0, 2, 1]


def test_an_event_counts_by_the_number_of_later_events_in_its_history():
    # After user 0's item 0 comes one event, 0.5^1. The latest event with item 2 is the last, 0.5^0.
    expected = [[0.5, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    found = decayed_interaction_matrix(HISTORIES, 3, 0.5)
    np.testing.assert_array_equal(found.toarray(), expected)
    # Item 3 has 0 later events, item 0 has 1, item 1 has 2 and item 2 has 3.
    histories = Histories(np.array([2, 1, 0, 3], np.int32), np.array([0, 4]))
    found = decayed_interaction_matrix(histories, 5, 0.1)
    np.testing.assert_allclose(found.toarray(), [[0.1, 0.01, 0.001, 1.0, 0.0]])


def test_without_decay_it_is_the_interaction_matrix():
    found = decayed_interaction_matrix(HISTORIES, 3, 1.0)
    np.testing.assert_array_equal(found.toarray(), interaction_matrix(HISTORIES, 3).toarray())
    # Near 1, where it takes the other way.
    found = decayed_interaction_matrix(HISTORIES, 3, 1.0 - 1e-12)
    np.testing.assert_allclose(found.toarray(), interaction_matrix(HISTORIES, 3).toarray())


@pytest.mark.parametrize("decay", [0.0, 1.1])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match=f"at most 1. Received: {decay}"):
        decayed_interaction_matrix(HISTORIES, 3, decay)
