"""Hyperparameters are the best on valid; without it, the middle candidates."""

import numpy as np
import pytest

from tfmmrec.data.dataset import Dataset
from tfmmrec.evaluation.baselines import tuning
from tfmmrec.evaluation.ranking.rankers import ScoreRanker
from tfmmrec.evaluation.ranking.targets import targets_of


def fit_to(dataset: Dataset, tried: list[float]):
    """A baseline that ranks the targets of valid first with a value above 0, and else last."""
    targets = targets_of(dataset, "valid")
    is_target = np.zeros([dataset.count("users"), dataset.count("items")])
    is_target[targets.user, targets.item] = 1.0

    def fit(value: float) -> ScoreRanker:
        tried.append(value)
        return ScoreRanker.of(value * is_target)

    return fit


@pytest.mark.parametrize("num_users", [100, 1])
def test_the_best_on_valid_is_chosen_and_the_first_of_equals(small, monkeypatch, num_users):
    # In the second case, one user decides.
    monkeypatch.setattr(tuning, "_MAX_SCORES", num_users * small.count("items"))
    tried: list[float] = []
    assert tuning.choose(small, "test", (-1.0, 2.0, 3.0), fit_to(small, tried)) == 2.0
    assert tried == [-1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("split", "candidates", "expected"),
    [("valid", (-1.0, 2.0, 3.0), 2.0), ("valid", (1.0, 0.9, 0.8, 0.7), 0.8), ("test", (5.0,), 5.0)],
)
def test_nothing_is_tried_if_valid_is_evaluated_or_there_is_no_choice(
    small, split, candidates, expected
):
    tried: list[float] = []
    assert tuning.choose(small, split, candidates, fit_to(small, tried)) == expected
    assert not tried
