"""The attribution of a metric to modalities."""

import itertools

import numpy as np
import pytest

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.evaluation.attribution.modality_ablation import IDS
from tfmmrec.evaluation.attribution.modality_attribution import attribute_metric
from tfmmrec.evaluation.attribution.shapley import shapley_values
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.ranking.rankers import ScoreRanker, model_ranker
from tfmmrec.evaluation.ranking.segment_result import rank_segments
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.scorer import Scorer


def worth_of(players, value):
    sets = (
        frozenset(s) for n in range(len(players) + 1) for s in itertools.combinations(players, n)
    )
    return {some: np.array([value(some)]) for some in sets}


def test_shapley_by_hand():
    # The glove game: a left glove and one of two right ones are worth 1.
    gloves = worth_of("abc", lambda some: float("a" in some and bool(some & {"b", "c"})))
    found = shapley_values("abc", gloves)
    assert [found[name][0] for name in "abc"] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_who_adds_alone_has_that_and_who_adds_nothing_nothing():
    value = {"a": 0.5, "b": 0.25, "c": 0.0}
    found = shapley_values(
        "abc", worth_of("abc", lambda some: 0.1 + sum(value[name] for name in some))
    )
    assert {name: own[0] for name, own in found.items()} == pytest.approx(value)


def measured(dataset, **options):
    """An untrained model's ranks of warm items, and what its modalities are worth."""
    bundle = build_bundle(dataset, TrainConfig(**{**ONCE, "dim": 4, "quiet": True, **options}))
    targets, scorer = targets_of(dataset, "test"), Scorer(bundle.model)
    vectors = scorer.item_vectors()
    ranked, *_ = rank_segments(
        bundle,
        model_ranker(scorer, vectors, targets.histories),
        targets,
        "test",
        0,
    )
    return ranked, attribute_metric(bundle, scorer, [ranked]).get("warm")


def test_shares_add_up_to_the_whole(small):
    ranked, found = measured(small)
    assert found is not None
    assert list(found["modalities"]) == ["text", "tables", IDS]
    assert found["all_modalities"] == pytest.approx(ranked.ndcg("model").mean())
    shares = [own["shapley_value"]["mean"] for own in found["modalities"].values()]
    assert sum(shares) == pytest.approx(found["all_modalities"] - found["no_modalities"])
    # By nothing, all items are alike.
    alike = np.zeros((1, small.count("items")), np.float32)
    ranker = ScoreRanker(lambda users: iter([(users, alike.repeat(len(users), 0))]))
    ranks = ranker.ranks(ranked.targets, ranked.candidate_mask)
    assert found["no_modalities"] == pytest.approx(target_metrics(ranks)["ndcg@10"].mean())


def test_one_modality_has_no_share(small):
    _, found = measured(small, features=["title"], id_embedding=False)
    assert found is None
