"""The exponential moving average of weights, which is steadier than where a step leaves them."""

from collections.abc import Sequence

import tensorflow as tf

from tfmmrec.distribute import replicas


class ExponentialMovingAverage(tf.Module):
    """Follows some weights: average ← d · average + (1 − d) · weight after each step.

    d is `decay`, and less in the first steps, (1 + step) / (10 + step), so that the weights that a
    model begins with are soon forgotten.

    Args:
        weights: what is averaged.
        decay: from 0 to below 1; 0.98 averages over some fifty steps.
    """

    def __init__(self, weights: Sequence[tf.Variable], decay: float):
        super().__init__()
        self._weights = list(weights)
        self.decay = decay
        self.averages = [tf.Variable(weight, trainable=False) for weight in weights]
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64)

    def update(self) -> None:
        """Takes the weights in as they are after a step."""
        step = tf.cast(self.step, tf.float32)
        share = 1.0 - tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        moved = [
            average + tf.cast(share, weight.dtype) * (weight - average)
            for average, weight in zip(self.averages, self._weights, strict=True)
        ]
        replicas.assign([*self.averages, self.step], [*moved, self.step + 1])

    def swap(self) -> None:
        """Exchanges the weights and their averages; twice is nothing."""
        for average, weight in zip(self.averages, self._weights, strict=True):
            held = tf.identity(weight)
            weight.assign(average)
            average.assign(held)
