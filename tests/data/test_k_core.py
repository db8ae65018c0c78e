"""The k-core of logs small enough to compute by hand."""

import numpy as np
import pytest

from tfmmrec.data.k_core import first_occurrences, k_core


def test_only_the_first_of_equal_events_stays():
    user = np.array([1, 0, 1, 1, 1])
    item = np.array([0, 0, 0, 1, 0])
    time = np.array([5, 5, 5, 5, 6])
    # Events 0 and 2 are the same; 3 has another item, 4 another time.
    assert first_occurrences(user, item, time).tolist() == [True, True, False, True, True]
    assert first_occurrences(user[:1], item[:1], time[:1]).tolist() == [True]
    assert first_occurrences(user[:0], item[:0], time[:0]).tolist() == []


def test_dropping_goes_on_until_nothing_is_below_k():
    # Users 0 and 1 both have items 0 and 1, the 2-core. User 2 has items 1 and 2; item 2 is chosen
    # once and goes, which leaves user 2 with one event, which goes then.
    user = np.array([0, 0, 1, 1, 2, 2])
    item = np.array([0, 1, 0, 1, 1, 2])
    kept = k_core(user, item, np.ones(6, bool), 2)
    assert kept.tolist() == [True, True, True, True, False, False]
    assert not k_core(user, item, np.ones(6, bool), 3).any()


def test_what_does_not_count_to_begin_with_counts_nowhere():
    user = np.array([0, 0, 1, 1])
    item = np.array([0, 1, 0, 1])
    # Without the last event user 1 has one left, then each item has one left: all go.
    assert not k_core(user, item, np.array([True, True, True, False]), 2).any()


@pytest.mark.parametrize("k", [0, 1])
def test_k_of_none_or_one_keeps_all(k):
    kept = np.array([True, False, True])
    result = k_core(np.array([0, 1, 2]), np.array([0, 1, 2]), kept, k)
    assert result.tolist() == kept.tolist()
    assert k_core(np.array([], int), np.array([], int), np.array([], bool), k).tolist() == []
