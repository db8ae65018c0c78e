"""Intervals of parts, with users drawn."""

import numpy as np
import pytest

from tfmmrec.evaluation.metrics.user_bootstrap import UserResamples, jackknife_error


def test_means_are_over_targets_and_parts():
    resamples = UserResamples(np.array([0, 0, 1, 2]))
    parts = np.array([[1, 1], [1, 0], [1, 0], [1, 1]], bool)
    means, drawn = resamples.means(np.array([1.0, 2.0, 3.0, 6.0]), parts)
    np.testing.assert_allclose(means, [3.0, 3.5])
    assert drawn.shape == (2000, 2)


def test_an_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = []
    for seed in range(200):
        # Each user has a level of their own, which all five targets share.
        levels = generator.normal(size=60)
        values = np.repeat(levels, 5) + 0.1 * generator.normal(size=300)
        users = np.repeat(np.arange(60), 5)
        resamples = UserResamples(users, resamples=400, seed=seed)
        [found] = resamples.intervals(values, np.ones((300, 1), bool))
        covered.append(found.low <= 0.0 <= found.high)
    # Targets drawn one by one would cover it half as often.
    assert 0.89 <= np.mean(covered) <= 0.99


def test_a_lead_is_of_pairs():
    generator = np.random.default_rng(0)
    theirs = generator.normal(size=100)
    ahead = UserResamples(np.arange(100)).lead(theirs + 0.01 + 0.01 * theirs**2, theirs)
    assert ahead.p == 1 / 2000
    assert ahead.interval.low > 0.0
    level = UserResamples(np.arange(100)).lead(theirs, theirs)
    assert level.p == 1.0


def test_what_is_below_the_whole():
    values = np.tile([0.0, 1.0], 100)
    low, random = values == 0.0, np.arange(200) < 100
    chances = UserResamples(np.arange(200)).below_the_whole(values, np.stack([low, random], axis=1))
    assert chances[0] < 1e-6
    assert chances[1] > 0.3


def test_an_empty_part_has_no_mean():
    resamples = UserResamples(np.array([0, 1]))
    [found] = resamples.intervals(np.ones(2), np.zeros((2, 1), bool))
    assert np.isnan([found.mean, found.low, found.high]).all()
    with pytest.raises(ValueError, match="must be targets"):
        UserResamples(np.zeros(0, int))


def test_the_jackknife_gives_the_error_of_a_mean() -> None:
    """Of single values left out, it is the textbook's s / sqrt(n)."""
    values = np.array([1.0, 2.0, 4.0, 9.0])
    without = (values.sum() - values) / 3
    # Mean 4, squares 9 + 4 + 0 + 25 = 38, s² = 38 / 3, and 38 / 3 / 4 = 3.1667.
    assert jackknife_error(without) == pytest.approx((38 / 12) ** 0.5)
