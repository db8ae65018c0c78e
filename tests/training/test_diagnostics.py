"""Diagnostics of a training."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.training.diagnostics import (
    TrainingDiagnostics,
    effective_rank,
    embedding_statistics,
    find_problems,
)

FINE = {"effective_rank": 30.0, "mean_cosine": 0.1, "norm_popularity": 0.2}


def problems(signs=FINE, width=64, temperatures=(0.1,), gradients=None) -> dict[str, str]:
    return find_problems(
        signs, dim=width, temperatures=np.array(temperatures), gradients=gradients or {}
    )


def test_effective_rank_counts_directions():
    assert effective_rank(np.eye(4)) == pytest.approx(4.0)
    assert effective_rank(np.ones([5, 3])) == pytest.approx(1.0)
    # Singular values 3 and 1, shares 3/4 and 1/4.
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(expected)


def test_statistics_are_of_items_with_events():
    vectors = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.0], [9.0, 9.0]])
    signs = embedding_statistics(vectors, np.array([5, 1, 7, 4, 0]))
    # Of the pairs of the first three, one is parallel; their lengths are in the order of counts.
    assert signs["mean_cosine"] == pytest.approx(1 / 3)
    assert signs["norm_popularity"] == pytest.approx(1.0)
    assert 1.0 < signs["effective_rank"] < 2.0
    assert embedding_statistics(vectors, np.array([1, 0, 0, 0, 0])) == {}


def test_equal_norms_have_no_correlation():
    assert embedding_statistics(np.eye(3), np.array([1, 2, 3]))["norm_popularity"] == 0.0


def test_many_items_are_sampled():
    vectors = np.random.default_rng(0).normal(size=[5000, 8])
    signs = embedding_statistics(vectors, np.ones(5000, int))
    assert signs["effective_rank"] > 7.9 and abs(signs["mean_cosine"]) < 0.01
    assert signs == embedding_statistics(vectors, np.ones(5000, int))


def test_a_sound_training_has_no_problems():
    assert problems(gradients={"title": 1.0, "poster": 0.5}) == {}


@pytest.mark.parametrize(
    "change, name, text",
    [
        ({"signs": {**FINE, "mean_cosine": 0.95}}, "collapse", "mean cosine 0.95"),
        ({"signs": {**FINE, "effective_rank": 1.5}}, "collapse", "of 64 dimensions"),
        ({"signs": {**FINE, "norm_popularity": 0.95}}, "popularity", "negatives.num_uniform"),
        ({"temperatures": (0.1, 0.01)}, "temperature", "lower bound"),
        ({"temperatures": (1.0,)}, "temperature", "upper bound"),
        (
            {"gradients": {"title": 1.0, "poster": 0.005}},
            "gradient of poster",
            "poster gets 0.50% of the gradient",
        ),
    ],
)
def test_each_problem_has_a_remedy(change, name, text):
    found = problems(**change)
    assert list(found) == [name]
    assert text in found[name] and "\n" not in found[name]


def test_without_statistics_or_gradients_there_are_no_problems():
    assert problems(signs={}) == {}
    assert problems(gradients={"title": 0.0, "poster": 0.0}) == {}


class Norms:
    def pop_means(self) -> dict[str, float]:
        return {"title": 3.0, "poster": 1.0}


def reported(
    capsys, *epochs: np.ndarray, quiet: bool = False
) -> tuple[list[str], dict[str, float]]:
    """The warnings about the embeddings of several epochs, and the last diagnostics."""
    model = SimpleNamespace(
        counts=tf.range(1, 5), temperature=SimpleNamespace(values=tf.constant([0.5, 0.25]))
    )
    watching = TrainingDiagnostics(model, Norms(), quiet=quiet)
    signs = [watching.update(vectors) for vectors in epochs]
    return capsys.readouterr().err.splitlines(), signs[-1]


ALIKE = np.ones([4, 4])


def test_a_lasting_problem_is_reported_once(capsys):
    said, signs = reported(capsys, ALIKE, ALIKE, ALIKE, ALIKE)
    assert len(said) == 1
    assert said[0].startswith(
        "tfmmrec: warning: the embeddings of items are nearly identical (mean cosine 1.00)"
    )
    assert signs["mean_cosine"] == pytest.approx(1.0)
    assert signs["temperature"] == 0.25
    assert (signs["gradient_share_title"], signs["gradient_share_poster"]) == (0.75, 0.25)


def test_a_problem_of_one_epoch_is_not_reported(capsys):
    assert reported(capsys, ALIKE, np.eye(4), ALIKE, np.eye(4))[0] == []
    assert reported(capsys, ALIKE, ALIKE, quiet=True)[0] == []
