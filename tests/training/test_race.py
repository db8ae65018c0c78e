"""Candidates are trained in turn until one is left."""

import pytest

from tfmmrec.config.objective import Objective
from tfmmrec.training.history import TrainingHistory
from tfmmrec.training.race import race


class Planned:
    """In place of a training: its metrics are known before."""

    min_race_epochs = 3

    def __init__(self, name: str, values: list[float], calls: list[tuple[str, int]]):
        self.history = TrainingHistory(Objective("ndcg@10", "max"))
        self._name, self._values, self._calls = name, values, calls

    def train_until(self, epoch: int) -> None:
        self._calls.append((self._name, epoch))
        for value in self._values[len(self.history.epochs) : epoch]:
            number = len(self.history.epochs) + 1
            # Errors of the difference: 0.01 beside the other candidate's 0.
            error = 0.01 if self._name == "a" else 0.0
            entry = {"epoch": number, "loss": 1.0, "ndcg@10": value}
            self.history.add(entry, [value + error, value - error])

    def is_over(self) -> bool:
        return len(self.history.epochs) == len(self._values)

    @property
    def metrics(self) -> dict[str, float]:
        return self.history.best


def run(a: list[float], b: list[float], epochs: int = 9):
    calls, stopped = [], []
    trainings = {"a": Planned("a", a, calls), "b": Planned("b", b, calls)}
    result = race(trainings, epochs=epochs, on_stop=lambda *told: stopped.append(told))
    return result, calls, stopped


def test_one_is_stopped_and_the_other_goes_on() -> None:
    result, calls, stopped = run([0.1] * 9, [0.2] * 9)
    in_turn = [(name, epoch) for epoch in (1, 2, 3) for name in ("a", "b")]
    assert calls == [*in_turn, ("b", 9)]
    assert stopped == [("a", "b", 3)] and result.stopped_after == {"a": 3}
    assert result.best == "b" and len(result.training.history.epochs) == 9
    assert {name: each["ndcg@10"] for name, each in result.metrics.items()} == {"a": 0.1, "b": 0.2}


def test_curves_that_cross_later_are_both_followed() -> None:
    """The second one is behind by ten errors and catches up."""
    result, _, stopped = run([0.2] * 9, [0.05, 0.08, 0.15, 0.17, 0.19, 0.23, 0.25, 0.26, 0.26])
    assert result.best == "b" and not stopped


def test_a_training_that_is_over_is_not_stopped() -> None:
    """Early stopping after three epochs; the other has nobody to be compared with at the end."""
    result, _, stopped = run([0.1] * 3, [0.2] * 9)
    assert result.best == "b" and not stopped and not result.stopped_after
    assert {name: each["epoch"] for name, each in result.metrics.items()} == {"a": 1, "b": 1}


@pytest.mark.parametrize("interrupted_after", [2, 4, 6, 7])
def test_a_resumed_race_takes_the_same_decisions(interrupted_after) -> None:
    whole, _, _ = run([0.1] * 9, [0.2] * 9)
    calls = []
    trainings = {"a": Planned("a", [0.1] * 9, calls), "b": Planned("b", [0.2] * 9, calls)}
    # As checkpoints restore them: of some epochs each, at most those of the whole race.
    trainings["a"].train_until(min(interrupted_after, 3))
    trainings["b"].train_until(interrupted_after)
    result = race(trainings, epochs=9, on_stop=lambda *_: None)
    assert (result.best, result.metrics) == (whole.best, whole.metrics)
    assert result.stopped_after == whole.stopped_after == {"a": 3}
