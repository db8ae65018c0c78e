"""Sums of score functions, by hand."""

import numpy as np
import pytest
from scipy import sparse

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.baselines.score_functions import blend, of_histories, ranker_of
from tfmmrec.evaluation.ranking.targets import Targets

# Of mean 2 and standard deviation 2, and of mean 0.5 and standard deviation 0.5.
FIRST, SECOND = np.array([[4.0, 4.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0, 1.0]])


def scores(first: np.ndarray, second: np.ndarray, weight: float) -> np.ndarray:
    return blend(lambda users: first[users], lambda users: second[users], weight)(np.array([0]))


def test_a_blend_is_of_standard_deviations():
    # (4, 4, 0, 0) / 2 = (2, 2, 0, 0), and 0.5 of (0, 1, 0, 1) / 0.5 is (0, 1, 0, 1).
    np.testing.assert_allclose(scores(FIRST, SECOND, 0.5), [[2.0, 3.0, 0.0, 1.0]])
    # The unit of a score does not matter.
    np.testing.assert_allclose(scores(100.0 * FIRST, SECOND, 0.5), [[2.0, 3.0, 0.0, 1.0]])


@pytest.mark.parametrize(("weight", "order"), [(0.5, [1, 0, 3, 2]), (2.0, [1, 3, 0, 2])])
def test_the_weight_decides_which_of_the_two_comes_first(weight, order):
    # With a weight of 2 the scores are (2, 2 + 4, 0, 4): item 3 passes item 0.
    ranker = ranker_of(blend(lambda users: FIRST[users], lambda users: SECOND[users], weight))
    histories = Histories(np.array([], np.int32), np.array([0, 0]))
    targets = Targets(np.zeros(4, np.int32), np.arange(4, dtype=np.int32), histories, 0)
    ranks, lists = ranker.rank(targets, np.ones(4, bool), 4)
    assert lists.items.tolist() == [order]
    assert ranks.tolist() == [order.index(item) + 1 for item in range(4)]


def test_equal_scores_are_not_scaled():
    # As for a user without history, of whom the second knows nothing.
    np.testing.assert_allclose(scores(FIRST, np.zeros([1, 4]), 2.0), [[2.0, 2.0, 0.0, 0.0]])


def test_the_histories_of_the_asked_users_are_read():
    histories = sparse.csr_matrix([[1.0, 0.0], [0.0, 0.5], [2.0, 2.0]])
    found = of_histories(lambda own: 10.0 * own.toarray(), histories)
    np.testing.assert_array_equal(found(np.array([2, 1])), [[20.0, 20.0], [0.0, 5.0]])
