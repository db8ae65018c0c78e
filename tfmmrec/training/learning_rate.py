"""The learning rate, by step."""

import math
from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("tfmmrec")
class LearningRate(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Rises in a straight line from 0 over the warm-up, and then goes as the schedule says.

    `cosine` is `peak · (1 + cos(π t)) / 2` and `linear` is `peak · (1 − t)`, t being the share of
    the steps behind the warm-up that are done; `constant` stays at the peak. (Loshchilov and Hutter
    2017, "SGDR", arXiv:1608.03983.)

    Args:
        peak: the highest rate.
        num_steps: of the whole training.
        schedule: `constant`, `cosine` or `linear`.
        warmup: the share of the steps that the warm-up takes, rounded up to whole ones.

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
        rise = math.ceil(self.warmup * self.num_steps)
        done = tf.clip_by_value((step - rise) / max(1, self.num_steps - rise), 0.0, 1.0)
        share = {
            "constant": tf.ones([]),
            "cosine": (1.0 + tf.cos(math.pi * done)) / 2.0,
            "linear": 1.0 - done,
        }[self.schedule]
        if rise:
            # The first step is one as well.
            share *= tf.minimum(1.0, (step + 1.0) / rise)
        return self.peak * share

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "num_steps": self.num_steps,
            "schedule": self.schedule,
            "warmup": self.warmup,
        }
