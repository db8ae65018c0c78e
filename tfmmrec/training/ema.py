"""Exponential moving average (EMA) of the weights."""

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfmmrec.distribute import replicas


class ExponentialMovingAverage(tf.Module):
    """Averages weights: average ← d · average + (1 − d) · weight after each step.

    d is `decay`, and (1 + step) / (10 + step) in the first steps if that is smaller, so that the
    initial weights are soon forgotten. Ours instead of Keras' `use_ema`, which the legacy
    optimizers do not have.

    Args:
        weights: the variables to average.
        decay: from 0 to below 1; 0.98 averages over about fifty steps.

    Attributes:
        averages: the averages, in the order of the weights.
        step: number of updates.
    """

    def __init__(self, weights: Sequence[tf.Variable], decay: float):
        super().__init__()
        self._weights = list(weights)
        self.decay = decay
        self.averages = [tf.Variable(weight, trainable=False) for weight in weights]
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64)

    def update(self) -> None:
        """Updates the averages after a step."""
        step = tf.cast(self.step, tf.float32)
        rate = 1.0 - tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        moved = [
            average + tf.cast(rate, weight.dtype) * (weight - average)
            for average, weight in zip(self.averages, self._weights, strict=True)
        ]
        replicas.assign([*self.averages, self.step], [*moved, self.step + 1])

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Within the context, the weights are their averages."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchanges the weights and their averages; a second call undoes it."""
        for average, weight in zip(self.averages, self._weights, strict=True):
            held = tf.identity(weight)
            weight.assign(average)
            average.assign(held)
