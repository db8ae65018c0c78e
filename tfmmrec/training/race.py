"""Trains several candidates side by side and stops those that are clearly behind on valid."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfmmrec.training.elimination import best_entry, find_rungs, is_clearly_behind
from tfmmrec.training.model_training import ModelTraining


@dataclasses.dataclass(frozen=True)
class RaceResult:
    """The result of a race.

    Attributes:
        best: the name of the candidate that is best on valid.
        training: of the best candidate; its model has the weights of the last epoch.
        metrics: of each candidate by name, see `ModelTraining.metrics`.
        stopped_after: the number of epochs by name of those that were stopped as clearly behind.
    """

    best: str
    training: ModelTraining
    metrics: dict[str, dict[str, Any]]
    stopped_after: dict[str, int]


def race(
    trainings: dict[str, ModelTraining], *, epochs: int, on_stop: Callable[[str, str, int], None]
) -> RaceResult:
    """Trains all candidates for one epoch, then for the second and so on, until one is left.

    The last one, or all that are not clearly behind, are trained to their end. All decisions are
    functions of the histories, which are part of the checkpoints. A resumed race takes them again,
    and all processes of a distributed training take the same.

    Args:
        trainings: by name; those that are stopped are removed, so that their memory can be freed.
        epochs: the maximum number of epochs.
        on_stop: gets the name of a stopped candidate, that of the better one and the number of
            epochs, before the candidate is removed.

    Raises:
        DataError: the loss of a candidate is not finite.
    """
    metrics: dict[str, dict[str, Any]] = {}
    stopped_after: dict[str, int] = {}
    previous = 0
    for rung in find_rungs(epochs):
        for training in trainings.values():
            training.train_until(rung if len(trainings) > 1 else epochs)
        if all(training.is_over() for training in trainings.values()):
            break
        best = _best(trainings, rung)
        for name in _find_behind(trainings, best, rung, previous):
            on_stop(name, best, rung)
            metrics[name], stopped_after[name] = trainings.pop(name).metrics, rung
        previous = rung
    best = _best(trainings, epochs)
    metrics |= {name: training.metrics for name, training in trainings.items()}
    return RaceResult(best, trainings[best], metrics, stopped_after)


def _find_behind(
    trainings: dict[str, ModelTraining], best: str, rung: int, previous: int
) -> list[str]:
    """The names of the candidates that are clearly behind the best and still in training."""
    ahead = trainings[best].history
    return [
        name
        for name, training in trainings.items()
        if name != best
        and previous
        and rung >= training.min_race_epochs
        and not training.is_over()
        and is_clearly_behind(training.history, ahead, rung, previous)
    ]


def _best(trainings: dict[str, ModelTraining], rung: int) -> str:
    def worth(name: str) -> float:
        history = trainings[name].history
        return history.objective.worth(best_entry(history, rung))

    return max(trainings, key=worth)
