"""How the towers' weights follow their gradients, a key of the training file."""

import dataclasses
from typing import Any

import keras_tuner

SCHEDULES = ("constant", "cosine", "linear")


@dataclasses.dataclass(frozen=True)
class OptimizerOptions:
    """What is done with gradients and the learning rate, besides Adam.

    Attributes:
        schedule: how the learning rate goes on behind the warm-up: `constant`, or down to 0 at the
            end of the last epoch along a `cosine` or a `linear` line (default constant).
        warmup: the share of all steps in which the learning rate rises from 0 (default 0).
        clip: the norm of all gradients of a step together, above which they are scaled down to it;
            0 leaves them (default 0).
        accumulate: how many batches make one step of the weights, by the mean of their gradients;
            a large batch in the memory of a small one (default 1).
    """

    schedule: str = "constant"
    warmup: float = 0.0
    clip: float = 0.0
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"schedule must be {', '.join(SCHEDULES)}. Received: {self.schedule!r}"
            )
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup must be from 0 to below 1. Received: {self.warmup}")
        if not self.clip >= 0:
            raise ValueError(f"clip must be at least 0. Received: {self.clip}")
        if self.accumulate < 1:
            raise ValueError(f"accumulate must be at least 1. Received: {self.accumulate}")

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws the schedule and its warm-up for one trial of a search."""
        return {
            "schedule": hp.Choice("optimizer.schedule", list(SCHEDULES)),
            "warmup": hp.Choice("optimizer.warmup", [0.0, 0.05]),
        }

    @property
    def has_end(self) -> bool:
        """Whether the learning rate depends on how many steps there will be."""
        return self.schedule != "constant" or self.warmup > 0
