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
    assert f"{Interval(0.1, None, None):+}" == "+0.100"
    interval = Interval(0.1, -0.02, 0.22049)
    assert str(interval) == f"{interval}" == "0.100 [-0.020, 0.220]"
    assert f"{interval:+}" == "+0.100 [-0.020, +0.220]"


def test_what_has_no_interval_is_refused():
    with pytest.raises(ValueError, match=r"at least one target\. Received: 0"):
        mean_interval(np.array([]))
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
    # Five users with three events each, five with one: 20 events, of ten users with 10 to 30.
    users = np.repeat(np.arange(10), [3] * 5 + [1] * 5)
    found = clustered_interval(users, lambda rows: float(len(rows)))
    # The deviation of the sum is sqrt(10) * 1, and 1.96 of them are 6.2; it moves in steps of 2.
    assert found == Interval(20.0, 14.0, 26.0)
    few = clustered_interval(users[:-1], lambda rows: float(len(rows)))
    assert few == Interval(19.0, None, None)


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
    # Of 2000 resamples none is below 0: two tails of (0 + 1) / 2001.
    assert ahead.p == 2 / 2001
    assert ahead.interval.low > 0.0
    assert (ahead.verdict, ahead.users) == ("ahead", 100)
    level = UserBootstrap(np.arange(100)).difference(theirs, theirs)
    assert (level.p, level.verdict) == (1.0, "even")


@pytest.mark.parametrize(
    ("users", "p"), [(1, 1.0), (2, 0.5), (3, 0.25), (5, 0.0625), (8, 0.0078125)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_few_users_have_an_exact_p_and_no_verdict(users: int, p: float, sign: int):
    # All differences have one sign: only the two combinations of equal signs are as far from 0,
    # 2 of 2^n. A second target of each user adds no user.
    lead = np.tile(sign * np.linspace(0.1, 0.2, users), 2)
    found = UserBootstrap(np.tile(np.arange(users), 2)).difference(lead, np.zeros(2 * users))
    assert (found.interval.low, found.interval.high) == (None, None)
    assert found.interval.mean == pytest.approx(sign * 0.15 if users > 1 else sign * 0.1)
    assert (found.p, found.users, found.verdict) == (p, users, "too few users")


def test_p_is_not_below_what_the_number_of_users_allows():
    # Ten users who all gain: 2^(1 - 10).
    ten = UserBootstrap(np.arange(10)).difference(np.linspace(0.1, 0.2, 10), np.zeros(10))
    assert (ten.p, ten.verdict) == (2**-9, "ahead")
    # Of 100 users only five differ, whose signs agree by chance in 2 of 32 cases. All resamples
    # that contain one of them are above 0, which is nearly all.
    gains = np.where(np.arange(100) < 5, 1.0, 0.0)
    five = UserBootstrap(np.arange(100)).difference(gains, np.zeros(100))
    assert five.interval.low > 0.0
    assert (five.p, five.verdict) == (0.0625, "even")


def test_a_subset_of_a_few_users_has_no_interval_and_is_never_below():
    # 30 targets of nine users at 0, and 30 of other users at 1.
    users = np.concatenate([np.arange(30) % 9, np.arange(30) + 9])
    values = np.repeat([0.0, 1.0], 30)
    masks = np.stack([values == 0.0, values == 1.0], axis=1)
    resamples = UserBootstrap(users)
    few, many = resamples.intervals(values, masks)
    assert few == Interval(0.0, None, None)
    assert many == Interval(1.0, 1.0, 1.0)
    assert resamples.p_below_overall(values, masks)[0] == 1.0


def test_what_is_below_the_whole():
    values = np.tile([0.0, 1.0], 100)
    low, random = values == 0.0, np.arange(200) < 100
    chances = UserBootstrap(np.arange(200)).p_below_overall(values, np.stack([low, random], axis=1))
    assert chances[0] < 1e-6
    assert chances[1] > 0.3


def test_an_empty_part_has_no_mean():
    resamples = UserBootstrap(np.array([0, 1]))
    [found] = resamples.intervals(np.ones(2), np.zeros((2, 1), bool))
    assert np.isnan(found.mean) and (found.low, found.high) == (None, None)
    with pytest.raises(ValueError, match="at least one target"):
        UserBootstrap(np.zeros(0, int))
