"""When a candidate is clearly behind another."""

from collections.abc import Sequence

import numpy as np
import pytest

from tfmmrec.config.objective import Objective
from tfmmrec.training.elimination import (
    find_rungs,
    is_clearly_behind,
    lead_in_errors,
    min_epochs,
)
from tfmmrec.training.history import TrainingHistory


def history(
    values: Sequence[float], offsets: Sequence[float] = (0.0, 0.0), name: str = "ndcg@10"
) -> TrainingHistory:
    """Two groups of users, without which the metric differs by the offsets."""
    found = TrainingHistory(Objective(name, "min" if name == "rmse" else "max"))
    for epoch, value in enumerate(values, 1):
        found.add({"epoch": epoch, "loss": 1.0, name: value}, [value + each for each in offsets])
    return found


def test_rungs_grow_by_half() -> None:
    assert find_rungs(20) == [1, 2, 3, 4, 6, 9, 13, 19, 20]
    assert find_rungs(4) == [1, 2, 3, 4] and find_rungs(1) == [1]


def test_three_epochs_and_250_steps_after_the_warmup() -> None:
    assert min_epochs(500) == 3
    # 250 steps are 8.6 epochs of 29.
    assert min_epochs(29) == 9 and min_epochs(29, warmup_epochs=2.0) == 11


def test_the_lead_in_standard_errors_of_the_difference() -> None:
    """The differences without each group are 0.1 + 0.01 and 0.1 - 0.01: sqrt(1/2 · 2 · 0.01²)."""
    ahead, behind = history([0.2, 0.3], (0.02, -0.02)), history([0.2, 0.1], (0.01, -0.01))
    assert lead_in_errors(ahead, behind, 2) == pytest.approx(0.1 / 0.01)
    # After the first epoch they are the same; later ones do not count.
    assert lead_in_errors(ahead, behind, 1) == 0.0
    rmse = history([0.9], (0.02, -0.02), "rmse"), history([1.0], (0.01, -0.01), "rmse")
    assert lead_in_errors(*rmse, 1) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ([0.10, 0.11, 0.12, 0.12], True),
        # The second half brought 0.07, and as much again would be enough.
        ([0.10, 0.11, 0.16, 0.18], False),
        # 0.02 of 0.01 at the fourth epoch, but not at the third.
        ([0.10, 0.20, 0.205, 0.205], False),
        # Ahead.
        ([0.10, 0.2, 0.3, 0.4], False),
    ],
)
def test_behind_at_two_rungs_and_not_catching_up(behind, expected) -> None:
    ahead = history([0.15, 0.18, 0.20, 0.24], (0.01, -0.01))
    assert is_clearly_behind(history(behind), ahead, 4, 3) is expected


def test_a_difference_that_may_be_chance_stops_nothing() -> None:
    values = [0.10, 0.10, 0.10, 0.10]
    for error, expected in ((0.04, True), (0.06, False)):
        ahead = history([0.2] * 4, (error, -error))
        assert is_clearly_behind(history(values), ahead, 4, 3) is expected


def test_of_a_training_that_is_over_the_best_epoch_counts() -> None:
    ahead = history([0.2, 0.3, 0.2], (0.01, -0.01))
    behind = history(np.full(9, 0.1))
    assert is_clearly_behind(behind, ahead, 9, 6)
