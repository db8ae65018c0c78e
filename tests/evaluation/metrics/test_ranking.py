"""Ranking metrics by hand."""

import numpy as np
import pytest

from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.metrics.ranking import ranking_metrics


def test_metrics_by_hand():
    metrics = ranking_metrics(np.array([1.0, 3.0, 11.0, 100.0]), cutoffs=(10, 20))
    assert list(metrics) == ["hr@10", "ndcg@10", "hr@20", "ndcg@20", "mrr"]
    # Ranks 1 and 3 are within 10, and 11 within 20.
    assert metrics["hr@10"] == 0.5
    assert metrics["hr@20"] == 0.75
    # 1 / log2(2) = 1, 1 / log2(4) = 0.5, 1 / log2(12) = 0.278943
    assert metrics["ndcg@10"] == pytest.approx((1 + 0.5) / 4)
    assert metrics["ndcg@20"] == pytest.approx((1 + 0.5 + 0.278943) / 4, abs=1e-6)
    # (1 + 1/3 + 1/11 + 1/100) / 4 = (1 + 0.333333 + 0.090909 + 0.01) / 4
    assert metrics["mrr"] == pytest.approx(0.358561, abs=1e-6)


def test_the_cutoff_itself_is_within():
    assert ranking_metrics(np.array([10.0]))["hr@10"] == 1.0
    # Half a place behind, as a tie may give.
    assert ranking_metrics(np.array([10.5]))["hr@10"] == 0.0


def test_no_targets_give_zeros():
    assert ranking_metrics(np.array([]), cutoffs=(5,)) == {"hr@5": 0.0, "ndcg@5": 0.0, "mrr": 0.0}


def test_a_collapsed_model_hits_nothing_that_chance_would_not():
    items = 50
    ranks = expected_ranks(
        np.zeros([items, items]), np.arange(items), np.zeros([items, items], bool)
    )
    # All stand at (50 + 1) / 2 = 25.5.
    metrics = ranking_metrics(ranks)
    assert metrics["hr@20"] == metrics["ndcg@20"] == 0.0
    assert metrics["mrr"] == pytest.approx(1 / 25.5)
