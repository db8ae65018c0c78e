"""Ranks and metrics, worked out by hand, ties included."""

import numpy as np
import pytest

from tfmmrec.evaluation import expected_ranks, ranking_metrics


def test_ranks_by_hand() -> None:
    scores = np.array([[0.9, 0.5, 0.7, 0.1], [0.2, 0.2, 0.2, 0.2], [0.3, 0.8, 0.8, 0.8]])
    nothing = np.zeros([3, 4], bool)
    # Row 0: only 0.9 stands above 0.7. Row 1: three others level, 1 + 3/2. Row 2: two level, 1 + 1.
    assert expected_ranks(scores, np.array([2, 0, 1]), nothing).tolist() == [2.0, 2.5, 2.0]


def test_what_is_left_out_is_not_ranked_but_the_target_is() -> None:
    scores = np.array([[0.9, 0.5, 0.7, 0.1]])
    left_out = np.array([[True, True, False, False]])
    assert expected_ranks(scores, np.array([1]), left_out).tolist() == [2.0]


def test_nan_ranks_last() -> None:
    scores = np.array([[np.nan, 0.5, 0.7]])
    assert expected_ranks(scores, np.array([0]), np.zeros([1, 3], bool)).tolist() == [3.0]


def test_a_collapsed_model_gets_the_rank_of_random_order() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 50, 4000)
    nothing = np.zeros([4000, 50], bool)
    collapsed = expected_ranks(np.ones([4000, 50]), targets, nothing)
    chance = expected_ranks(generator.random([4000, 50]), targets, nothing)
    # The mean of 1 … 50 is 25.5; its standard error over 4,000 draws is 14.4 / √4000 = 0.23.
    assert collapsed.mean() == 25.5
    assert chance.mean() == pytest.approx(25.5, abs=1.0)


def test_metrics_by_hand() -> None:
    metrics = ranking_metrics(np.array([1.0, 3.0, 15.0, 100.0]))
    # Hits at 10: ranks 1 and 3; at 20: 15 as well.
    assert metrics["hr@10"] == 0.5
    assert metrics["hr@20"] == 0.75
    # 1/log2(2) = 1, 1/log2(4) = 1/2, 1/log2(16) = 1/4, over four targets.
    assert metrics["ndcg@10"] == pytest.approx(1.5 / 4)
    assert metrics["ndcg@20"] == pytest.approx(1.75 / 4)
    assert metrics["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 15 + 1 / 100) / 4)
