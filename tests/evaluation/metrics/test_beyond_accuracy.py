"""What lists are like, by hand."""

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics import beyond_accuracy
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems

# User 0 chose items 0 and 1, user 1 item 0, user 2 nothing; there are five items.
HISTORIES = Histories(np.array([0, 1, 0], np.int32), np.array([0, 2, 3, 3]))
OWN = TopItems(np.array([0, 1, 2]), np.array([[2, 3], [1, 2], [0, -1]], np.int32))
AMONG = np.array([True, True, True, True, False])


def test_coverage_is_of_what_is_ranked():
    assert beyond_accuracy.coverage(OWN, AMONG) == 1.0
    assert beyond_accuracy.coverage(TopItems(OWN.users[:1], OWN.items[:1]), AMONG) == 0.5


def test_gini():
    # Named once, once, twice and once.
    assert beyond_accuracy.gini(OWN, AMONG) == pytest.approx((-3 - 1 + 1 + 3 * 2) / (4 * 5))
    same = TopItems(np.arange(3), np.zeros((3, 1), np.int32))
    assert beyond_accuracy.gini(same, AMONG) == pytest.approx(0.75)
    even = TopItems(np.arange(4), np.arange(4, dtype=np.int32)[:, np.newaxis])
    assert beyond_accuracy.gini(even, AMONG) == 0.0


def test_novelty():
    # (choices + 1) / (users + 1) of items 2, 3, 1, 2 and 0.
    expected = -np.log2(np.array([1, 1, 2, 1, 3]) / 4).mean()
    assert beyond_accuracy.novelty(OWN, HISTORIES, 5) == pytest.approx(expected)


def test_popularity_lift_is_of_users_with_a_history():
    # Histories have 1.5 and 2 choices an item, lists 0 and 0.5.
    assert beyond_accuracy.popularity_lift(OWN, HISTORIES, 5) == pytest.approx(0.25 / 1.75 - 1)
    nobody = TopItems(np.array([2]), np.array([[0, 1]], np.int32))
    assert np.isnan(beyond_accuracy.popularity_lift(nobody, HISTORIES, 5))


def test_diversity():
    content = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0], [1.0, 1.0]])
    # Unlike what has no content; 45 degrees; a list of one has no pair.
    assert beyond_accuracy.diversity(OWN, content) == pytest.approx((1.0 + 1.0 - np.sqrt(0.5)) / 2)
    same = TopItems(np.array([0]), np.array([[2, 4]], np.int32))
    assert beyond_accuracy.diversity(same, content) == pytest.approx(0.0)


def test_miscalibration():
    categories = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    alike = TopItems(np.array([0]), np.array([[2, -1]], np.int32))
    assert beyond_accuracy.miscalibration(alike, HISTORIES, categories) == pytest.approx(0.0)
    # All of one kind before, and of the other in the list.
    other = TopItems(np.array([1]), np.array([[1]], np.int32))
    assert beyond_accuracy.miscalibration(other, HISTORIES, categories) == pytest.approx(
        np.log(100)
    )
    nobody = TopItems(np.array([2]), np.array([[1]], np.int32))
    assert np.isnan(beyond_accuracy.miscalibration(nobody, HISTORIES, categories))
