"""What a training is judged by on the valid split."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Literal

from tfmmrec.errors import ConfigError

_DEFAULTS = {"retrieval": "ndcg@10", "joint": "ndcg@10", "rating": "rmse", "click": "log_loss"}
_OF_RATINGS = ("rmse", "mae")
_OF_CLICKS = ("auc", "log_loss", "calibration_error")
_LESS_IS_BETTER = ("rmse", "mae", "log_loss", "calibration_error")


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

    @property
    def cutoff(self) -> int | None:
        """The k of HR@k and NDCG@k."""
        _, at, k = self.name.partition("@")
        return int(k) if at else None


def objective_of(task: str, name: str | None = None) -> Objective:
    """What trainings of a task are judged by.

    Args:
        task: what is taught.
        name: a metric, such as `mrr` or `hr@5`; None is NDCG@10, or the RMSE of ratings, or the log
            loss of clicks where these alone are taught.

    Raises:
        ConfigError: the task has no such metric.
    """
    name = name or _DEFAULTS[task]
    known: tuple[str, ...] = ()
    if task in ("retrieval", "joint"):
        if name == "mrr" or re.fullmatch(r"(hr|ndcg)@[1-9]\d*", name):
            return Objective(name, "max")
        known += ("hr@K", "ndcg@K", "mrr")
    if task in ("rating", "joint"):
        known += _OF_RATINGS
    if task in ("click", "joint"):
        known += _OF_CLICKS
    if name not in known or "K" in name:
        raise ConfigError(
            f"objective: no metric {name!r} of task {task}; there are {', '.join(known)}"
        )
    return Objective(name, "min" if name in _LESS_IS_BETTER else "max")
