"""The delete-a-group jackknife."""

import numpy as np
import pytest

from tfmmrec.evaluation.metrics.jackknife import jackknife_error


def test_the_jackknife_gives_the_error_of_a_mean() -> None:
    """Of single values left out, it is the textbook's s / sqrt(n)."""
    values = np.array([1.0, 2.0, 4.0, 9.0])
    without = (values.sum() - values) / 3
    # Mean 4, squares 9 + 4 + 0 + 25 = 38, s² = 38 / 3, and 38 / 3 / 4 = 3.1667.
    assert jackknife_error(without) == pytest.approx((38 / 12) ** 0.5)
