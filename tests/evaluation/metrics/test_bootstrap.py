"""Bootstrap intervals against what is known of the mean."""

import numpy as np
import pytest

from tfmmrec.evaluation.metrics.bootstrap import (
    Interval,
    UserBootstrap,
    clustered_interval,
    mean_interval,
    paired_interval,
)


def test_it_is_as_wide_as_the_central_limit_says():
    # 100 zeros and 300 ones: mean 0.75, deviation sqrt(0.75 · 0.25 / 400) = 0.021651; 1.96 of
    # them are 0.042435. The mean moves in steps of 1/400 = 0.0025.
    interval = mean_interval(np.repeat([0.0, 1.0], [100, 300]))
    assert interval.mean == 0.75
    assert interval.low == pytest.approx(0.75 - 0.042435, abs=0.004)
    assert interval.high == pytest.approx(0.75 + 0.042435, abs=0.004)


def test_less_confidence_is_narrower_and_a_seed_repeats():
    values = np.random.default_rng(0).normal(size=200)
    wide, narrow = mean_interval(values), mean_interval(values, confidence=0.5)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high
    assert mean_interval(values) == wide != mean_interval(values, seed=1)


def test_all_alike_leave_no_doubt():
    assert mean_interval(np.full(10, 0.5)) == Interval(0.5, 0.5, 0.5)


def test_pairs_take_away_what_users_differ_in():
    users = np.random.default_rng(1).normal(size=300) * 100
    gain = np.random.default_rng(2).normal(0.5, 1.0, 300)
    paired = paired_interval(users + gain, users)
    assert paired.mean == pytest.approx(gain.mean())
    # 1.96 / sqrt(300) = 0.113 to either side; the means' own are a hundred times as wide.
    assert 0.15 < paired.high - paired.low < 0.32
    alone = mean_interval(users)
    assert alone.high - alone.low > 15


def test_it_is_written_with_three_digits():
    interval = Interval(0.1, -0.02, 0.22049)
    assert str(interval) == f"{interval}" == "0.100 [-0.020, 0.220]"
    assert f"{interval:+}" == "+0.100 [-0.020, +0.220]"


def test_what_has_no_interval_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 values\. Received: 1"):
        mean_interval(np.array([1.0]))
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        paired_interval(np.zeros(3), np.zeros(2))


def test_events_of_one_user_are_drawn_together():
    # 400 users with two equal events each: as many values as users, not as events.
    values = np.repeat([0.0, 1.0], [100, 300])
    users = np.tile(np.arange(400), 2)
    twice = np.tile(values, 2)
    found = clustered_interval(users, lambda rows: float(twice[rows].mean()))
    assert found.mean == 0.75
    assert found.low == pytest.approx(0.75 - 0.042435, abs=0.006)
    assert found.high == pytest.approx(0.75 + 0.042435, abs=0.006)


def test_users_with_more_events_weigh_more():
    users = np.array([0, 0, 0, 1])
    found = clustered_interval(users, lambda rows: float(len(rows)))
    # Both users, or one of them twice.
    assert (found.mean, found.low, found.high) == (4.0, 2.0, 6.0)
    with pytest.raises(ValueError, match="at least 2 users"):
        clustered_interval(users[:3], lambda rows: 0.0)


def test_means_are_over_targets_and_parts():
    resamples = UserBootstrap(np.array([0, 0, 1, 2]))
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
        resamples = UserBootstrap(users, resamples=400, seed=seed)
        [found] = resamples.intervals(values, np.ones((300, 1), bool))
        covered.append(found.low <= 0.0 <= found.high)
    # Targets drawn one by one would cover it half as often.
    assert 0.89 <= np.mean(covered) <= 0.99


def test_a_lead_is_of_pairs():
    generator = np.random.default_rng(0)
    theirs = generator.normal(size=100)
    ahead = UserBootstrap(np.arange(100)).difference(theirs + 0.01 + 0.01 * theirs**2, theirs)
    assert ahead.p == 1 / 2000
    assert ahead.interval.low > 0.0
    level = UserBootstrap(np.arange(100)).difference(theirs, theirs)
    assert level.p == 1.0


def test_what_is_below_the_whole():
    values = np.tile([0.0, 1.0], 100)
    low, random = values == 0.0, np.arange(200) < 100
    chances = UserBootstrap(np.arange(200)).p_below_overall(values, np.stack([low, random], axis=1))
    assert chances[0] < 1e-6
    assert chances[1] > 0.3


def test_an_empty_part_has_no_mean():
    resamples = UserBootstrap(np.array([0, 1]))
    [found] = resamples.intervals(np.ones(2), np.zeros((2, 1), bool))
    assert np.isnan([found.mean, found.low, found.high]).all()
    with pytest.raises(ValueError, match="at least one target"):
        UserBootstrap(np.zeros(0, int))
