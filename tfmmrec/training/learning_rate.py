"""The learning-rate schedule."""

import math
from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("tfmmrec")
class LearningRate(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0, followed by a constant rate or a decay to 0.

    With t from 0 at the end of the warm-up to 1 at the end of the training, `cosine` is
    `peak · (1 + cos(π t)) / 2` (Loshchilov and Hutter 2017, "SGDR", arXiv:1608.03983), `linear` is
    `peak · (1 − t)`, and `constant` is `peak`.

    Args:
        peak: the highest rate.
        num_steps: number of updates of the whole training.
        schedule: `constant`, `cosine` or `linear` (default `constant`).
        warmup: the fraction of the updates that the warm-up takes, rounded up to whole updates
            (default 0).

    Example:
        >>> rate = LearningRate(0.1, num_steps=6, schedule="linear", warmup=0.3)
        >>> [round(float(rate(step)), 3) for step in range(6)]
        [0.05, 0.1, 0.1, 0.075, 0.05, 0.025]
    """

    def __init__(
        self, peak: float, *, num_steps: int, schedule: str = "constant", warmup: float = 0.0
    ):
        super().__init__()
        self.peak = peak
        self.num_steps = num_steps
        self.schedule = schedule
        self.warmup = warmup

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        warmup_steps = math.ceil(self.warmup * self.num_steps)
        done = tf.clip_by_value(
            (step - warmup_steps) / max(1, self.num_steps - warmup_steps), 0.0, 1.0
        )
        factor = {
            "constant": tf.ones([]),
            "cosine": (1.0 + tf.cos(math.pi * done)) / 2.0,
            "linear": 1.0 - done,
        }[self.schedule]
        if warmup_steps:
            # Steps count from 0; the first one needs a rate above 0.
            factor *= tf.minimum(1.0, (step + 1.0) / warmup_steps)
        return self.peak * factor

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "num_steps": self.num_steps,
            "schedule": self.schedule,
            "warmup": self.warmup,
        }
