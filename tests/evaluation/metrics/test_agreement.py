"""Ranks and metrics against a plain scorer and against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    ndcg_score,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.metrics.ranking import ranking_metrics, target_metrics
from tfmmrec.models.item_blocks import ItemBlocks


def plain_rank(scores: np.ndarray, target: int, left_out: np.ndarray) -> float:
    """The mean place of the target over all orders of what ties with it."""
    others = [s for item, s in enumerate(scores) if item != target and not left_out[item]]
    above = sum(score > scores[target] for score in others)
    level = sum(score == scores[target] for score in others)
    return float(np.mean([1 + above + place for place in range(level + 1)]))


@pytest.mark.parametrize("seed", range(200))
def test_ranks_are_those_of_a_plain_scorer(seed: int) -> None:
    draw = np.random.default_rng(seed)
    num_rows, num_items = draw.integers(1, 5), draw.integers(2, 40)
    # Of few values, so that many tie.
    scores = draw.integers(1, 9, size=(num_rows, num_items)).astype(np.float32)
    targets = draw.integers(num_items, size=num_rows)
    left_out = draw.random((num_rows, num_items)) < 0.2
    expected = [plain_rank(*row) for row in zip(scores, targets, left_out, strict=True)]
    found = expected_ranks(scores, targets, left_out.copy())
    np.testing.assert_allclose(found, expected, atol=1e-9)
    # The same scores as products of vectors.
    blocks = ItemBlocks(scores.T, np.ones(num_items, bool))
    found = blocks.ranks(np.eye(num_rows), targets, *np.nonzero(left_out))
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("k", [1, 10, 20])
def test_one_target_a_user_as_scikit_learn(k: int) -> None:
    draw = np.random.default_rng(k)
    scores, targets = draw.normal(size=(200, 50)), draw.integers(50, size=200)
    ranks = expected_ranks(scores, targets, np.zeros(scores.shape, bool))
    relevant = np.eye(50)[targets]
    metrics = ranking_metrics(ranks, [k])
    assert metrics[f"ndcg@{k}"] == pytest.approx(ndcg_score(relevant, scores, k=k), abs=1e-9)
    hits = top_k_accuracy_score(targets, scores, k=k, labels=np.arange(50))
    assert metrics[f"hr@{k}"] == pytest.approx(hits, abs=1e-9)
    assert metrics == {name: own.mean() for name, own in target_metrics(ranks, [k]).items()}


def test_several_targets_a_user_as_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    for _ in range(200):
        scores = draw.normal(size=(1, 30))
        targets = draw.choice(30, size=draw.integers(1, 15), replace=False)
        relevant = np.zeros((1, 30))
        relevant[0, targets] = 1.0
        alike = np.repeat(scores, len(targets), axis=0)
        ranks = expected_ranks(alike, targets, np.zeros(alike.shape, bool))
        _, metrics = per_user_metrics(np.zeros(len(targets), int), ranks)
        expected = ndcg_score(relevant, scores, k=10)
        assert metrics["ndcg@10"][0] == pytest.approx(expected, abs=1e-9)
        top = np.argsort(-scores[0])[:10]
        share = recall_score(relevant[0], np.isin(np.arange(30), top))
        assert metrics["hr@10"][0] == pytest.approx(share, abs=1e-9)
        share = precision_score(relevant[0], np.isin(np.arange(30), top))
        assert metrics["precision@10"][0] == pytest.approx(share, abs=1e-9)
        # Not cut off, it is the average precision.
        _, whole = per_user_metrics(np.zeros(len(targets), int), ranks, k=30)
        average = average_precision_score(relevant[0], scores[0])
        assert whole["map@30"][0] == pytest.approx(average, abs=1e-9)
