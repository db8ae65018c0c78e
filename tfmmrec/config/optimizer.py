"""The key `optimizer` of the training file: gradients and the learning rate schedule."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfmmrec.config.checks import check_at_least, check_choice, check_count, check_rate
from tfmmrec.config.known_fields import known_fields

if TYPE_CHECKING:
    import keras_tuner

SCHEDULES = ("constant", "cosine", "linear")


@known_fields
@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Options of Adam beside the learning rate.

    Attributes:
        schedule: the learning rate after the warm-up: `constant`, or a `cosine` or `linear` decay
            to 0 at the end of the last epoch (default constant).
        warmup: the share of all steps in which the learning rate rises linearly from 0 (default 0).
        global_clipnorm: the global norm of the gradients of a step, above which they are scaled
            down to it; 0 does not clip (default 0).
        gradient_accumulation_steps: the number of batches whose mean gradient makes one update, for
            a large batch in the memory of a small one (default 1).
    """

    schedule: str = "constant"
    warmup: float = 0.0
    global_clipnorm: float = 0.0
    gradient_accumulation_steps: int = 1

    def __post_init__(self) -> None:
        check_choice("schedule", self.schedule, SCHEDULES)
        check_rate("warmup", self.warmup)
        check_at_least("global_clipnorm", self.global_clipnorm, 0)
        check_count("gradient_accumulation_steps", self.gradient_accumulation_steps, 1)

    @classmethod
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws the schedule and its warm-up for one trial of a search."""
        return {
            "schedule": hp.Choice("optimizer.schedule", list(SCHEDULES)),
            "warmup": hp.Choice("optimizer.warmup", [0.0, 0.05]),
        }

    @property
    def depends_on_num_steps(self) -> bool:
        """Whether the learning rate depends on the number of steps of the whole training."""
        return self.schedule != "constant" or self.warmup > 0
