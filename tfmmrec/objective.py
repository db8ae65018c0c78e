"""What a training is judged by on the valid split."""

import dataclasses
from collections.abc import Mapping
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Objective:
    """A metric and which way is better.

    Attributes:
        name: of the metric.
        direction: `max` or `min`.
    """

    name: str
    direction: Literal["max", "min"]

    def worth(self, metrics: Mapping[str, float]) -> float:
        """The metric, turned so that more is better; −inf where it was not measured."""
        if self.name not in metrics:
            return -float("inf")
        return metrics[self.name] if self.direction == "max" else -metrics[self.name]


_OBJECTIVES = {
    "retrieval": Objective("ndcg@10", "max"),
    "joint": Objective("ndcg@10", "max"),
    "rating": Objective("rmse", "min"),
    "click": Objective("log_loss", "min"),
}


def objective_of(task: str) -> Objective:
    """What trainings of a task are judged by."""
    return _OBJECTIVES[task]
