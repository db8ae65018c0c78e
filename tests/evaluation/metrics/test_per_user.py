"""Metrics of users with several targets, by hand."""

import numpy as np
import pytest

from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.metrics.ranking import ranking_metrics


def test_several_targets_by_hand():
    # User 7 has targets at 1, 3 and 12, user 2 one at 2, in no order.
    users = np.array([7, 2, 7, 7])
    ranks = np.array([12.0, 2.0, 1.0, 3.0])
    known, metrics = per_user_metrics(users, ranks)
    assert known.tolist() == [2, 7]
    # 1 of 1 within 10, 2 of 3.
    assert metrics["hr@10"] == pytest.approx([1.0, 2 / 3])
    # User 2: 1 / log2(3) = 0.630930 over 1. User 7: 1 + 1/log2(4) = 1.5 over 1 + 0.630930 + 0.5.
    assert metrics["ndcg@10"] == pytest.approx([0.630930, 1.5 / 2.130930], abs=1e-6)
    assert metrics["precision@10"] == pytest.approx([0.1, 0.2])
    # User 2: 1 of 1 at rank 2. User 7: 1 of 1 at rank 1, 2 at rank 3, over its three targets.
    assert metrics["map@10"] == pytest.approx([1 / 2, (1 + 2 / 3) / 3])


def test_the_ideal_holds_no_more_than_the_cutoff():
    # Three targets, k = 2: the best that can be is 1 + 0.630930.
    users, ranks = np.zeros(3, int), np.array([1.0, 5.0, 9.0])
    _, metrics = per_user_metrics(users, ranks, k=2)
    assert list(metrics) == ["hr@2", "precision@2", "ndcg@2", "map@2"]
    assert metrics["precision@2"] == pytest.approx([1 / 2])
    assert metrics["map@2"] == pytest.approx([1 / 2])
    assert metrics["hr@2"] == pytest.approx([1 / 3])
    assert metrics["ndcg@2"] == pytest.approx([1 / 1.630930], abs=1e-6)


def test_targets_that_stand_first_are_perfect_and_ties_no_better():
    _, metrics = per_user_metrics(np.zeros(3, int), np.array([2.0, 1.0, 3.0]))
    assert metrics["ndcg@10"] == pytest.approx([1.0])
    assert metrics["map@10"] == pytest.approx([1.0])
    # 19 targets that tie share rank 10: 19 / log2(11) = 5.49 is more than the ideal's 4.54.
    _, metrics = per_user_metrics(np.zeros(19, int), np.full(19, 10.0))
    assert [metrics[name].tolist() for name in ("ndcg@10", "precision@10", "map@10")] == [[1.0]] * 3


def test_targets_that_tie_count_each_other():
    # Ranks 2.5 and 2.5, of one above and two level: 2 of 2.5 at both.
    _, metrics = per_user_metrics(np.array([3, 3, 5]), np.array([2.5, 2.5, 1.0]), k=4)
    assert metrics["map@4"] == pytest.approx([(2 / 2.5 + 2 / 2.5) / 2, 1.0])


def test_with_one_target_a_user_the_means_are_the_ranking_metrics():
    ranks = np.array([1.0, 3.0, 10.0, 10.5, 100.0, np.inf])
    known, metrics = per_user_metrics(np.arange(6)[::-1], ranks, k=10)
    expected = ranking_metrics(ranks, cutoffs=(10,))
    assert known.tolist() == [0, 1, 2, 3, 4, 5]
    for name in ("hr@10", "ndcg@10"):
        assert metrics[name].mean() == pytest.approx(expected[name])
    # Of one target, its reciprocal rank, where it is within k.
    assert metrics["map@10"] == pytest.approx([0, 0, 0, 1 / 10, 1 / 3, 1])
    # 1 / log2(2), of the user whose target stands first, the last one.
    assert metrics["ndcg@10"][-1] == 1.0
