"""The exact sign-flip test, with all combinations counted by hand."""

import numpy as np
import pytest

from tfmmrec.evaluation.metrics.sign_flip import least_p, sign_flip_p


def test_combinations_at_least_as_far_from_zero():
    # The sum is 4. Of the 8 combinations of 1, 2, 3 with signs: ±6 (2 of them), ±4 (-1), ±2 (-2),
    # ±0 (-3). Of -1 + 2 + 3 = 4, four are at least as far from 0.
    assert sign_flip_p(np.array([-1.0, 2.0, 3.0])) == 4 / 8
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 2 / 8
    assert sign_flip_p(np.array([-1.0, -2.0, -3.0])) == 2 / 8


def test_users_without_a_difference_add_nothing():
    assert sign_flip_p(np.zeros(4)) == 1.0
    assert sign_flip_p(np.array([0.0, 0.0, 0.5])) == 1.0
    assert least_p(np.array([0.0, 0.5, 0.5, 0.5])) == 0.25
    assert least_p(np.zeros(4)) == 1.0


def test_equal_sums_in_another_order_of_addition_count():
    # 0.1 + 0.2 + 0.3 differs from 0.3 + 0.2 + 0.1 in the last digit.
    differences = np.array([0.3, 0.1, 0.2])
    assert sign_flip_p(differences) == sign_flip_p(differences[::-1]) == 0.25


@pytest.mark.parametrize("users", [0, 21])
def test_too_many_combinations_are_refused(users: int):
    with pytest.raises(ValueError, match=f"1 to 20 users. Received: {users}"):
        sign_flip_p(np.ones(users))
