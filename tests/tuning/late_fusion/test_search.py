"""The search finds planted weights."""

from pathlib import Path

import numpy as np
import pytest

from tfmmrec.config.objective import objective_of
from tfmmrec.data.synthetic import SyntheticConfig, World, draw_world
from tfmmrec.tuning.late_fusion.member_scores import MemberScores
from tfmmrec.tuning.late_fusion.search import search_weights

MODALITIES = ("text", "image", "audio")
PLANTED = np.array([0.5, 0.3, 0.2])
EQUAL = np.full(3, 1 / 3)


@pytest.fixture(scope="module")
def world() -> World:
    missing = dict.fromkeys(MODALITIES, 0.0)
    return draw_world(SyntheticConfig(num_items=150, num_users=400, missing=missing))


def true_scores(world: World) -> MemberScores:
    """The true scores by modality, and the last but one item of each user as the target."""
    users, firsts, counts = np.unique(world.events[:, 0], return_index=True, return_counts=True)
    asked = firsts + counts - 2
    before = np.ones(len(world.events), bool)
    before[asked] = before[asked + 1] = False
    return MemberScores(
        names=MODALITIES,
        items=np.arange(world.config.num_items),
        scores=np.stack([world.modality_scores(m) for m in MODALITIES]).astype(np.float32),
        present=np.ones([3, world.config.num_items], bool),
        user=users,
        item=world.events[asked, 1],
        excluded=(world.events[before, 0], world.events[before, 1]),
    )


@pytest.mark.parametrize("tuner", ["bayesian", "random"])
@pytest.mark.parametrize("metric", ["ndcg@10", "mrr"])
def test_planted_weights_are_found(world, tuner, metric):
    objective = objective_of("retrieval", metric)
    found = search_weights(true_scores(world), objective, [EQUAL], tuner=tuner, trials=100)
    np.testing.assert_allclose(found.weights, PLANTED, atol=0.05)
    # They are worth more than what it started with, and as much as any that was tried, nearly.
    values = found.trials.values.mean(axis=1)
    assert found.values.mean() > values[0] + 0.02
    assert found.values.mean() > values.max() - 0.005


def test_starts_are_the_first_trials_and_the_seed_decides_the_rest(world):
    scores, objective = true_scores(world), objective_of("retrieval", "hr@20")
    starts = [PLANTED, EQUAL]
    first, again, other = (
        search_weights(scores, objective, starts, trials=12, seed=seed) for seed in (0, 0, 1)
    )
    assert first.trials.weights.shape == (12, 3)
    np.testing.assert_allclose(first.trials.weights[:2], starts)
    np.testing.assert_array_equal(first.trials.weights, again.trials.weights)
    np.testing.assert_array_equal(first.weights, again.weights)
    assert not np.allclose(first.trials.weights[2:], other.trials.weights[2:])


def test_no_member_loses_all_its_weight(world):
    scores = true_scores(world)
    # Of noise there is nothing to be had; but an item may have nothing else.
    scores.scores[2] = 3.0 * np.random.default_rng(0).normal(size=scores.scores[2].shape)
    found = search_weights(scores, objective_of("retrieval", "ndcg@10"), [EQUAL], trials=60)
    assert 0.0009 < found.weights[2] < 0.05
    np.testing.assert_allclose(found.weights.sum(), 1.0, atol=0.001)


def test_it_prints_nothing_and_leaves_no_files(world, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    search_weights(true_scores(world), objective_of("retrieval", "mrr"), [EQUAL], trials=10)
    assert capfd.readouterr() == ("", "")
    assert list(Path.cwd().iterdir()) == []
