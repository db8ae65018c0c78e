"""Exponential moving average (EMA) of the weights."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfmmrec.distribute import replicas

if TYPE_CHECKING:
    from tfmmrec.training.row_adam import RowAdam


class EmaDecay:
    """The decay of each update: `decay`, or (1 + step) / (10 + step) where that is smaller.

    So the initial weights are soon forgotten.

    Args:
        decay: from 0 to below 1; 0.98 averages over about fifty steps.
    """

    def __init__(self, decay: float):
        self.decay = decay
        # The first step whose decay is `decay` itself: 1 + s >= decay * (10 + s).
        num_short = max(0, int(np.ceil((10.0 * decay - 1.0) / (1.0 - decay))))
        steps = np.arange(num_short)
        logs = np.log((1.0 + steps) / (10.0 + steps))
        self._log_products = tf.constant(np.append(0.0, np.cumsum(logs)), tf.float32)
        self._log_decay = float(np.log(max(decay, 1e-30)))

    def at(self, step: tf.Tensor) -> tf.Tensor:
        """The decay of the update at a step, from 0; a float32 scalar."""
        step = tf.cast(step, tf.float32)
        return tf.minimum(self.decay, (1.0 + step) / (10.0 + step))

    def log_product(self, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
        """The log of the product of the decays from step `start` to before step `end`.

        Args:
            start: whole numbers of any shape.
            end: a scalar.
        """
        num_short = self._log_products.shape[0] - 1
        start, end = tf.cast(start, tf.int32), tf.cast(end, tf.int32)
        short = tf.gather(self._log_products, tf.minimum(end, num_short))
        short -= tf.gather(self._log_products, tf.minimum(start, num_short))
        num_long = tf.maximum(end - num_short, 0) - tf.maximum(start - num_short, 0)
        return short + self._log_decay * tf.cast(num_long, tf.float32)


class ExponentialMovingAverage(tf.Module):
    """Averages weights: average ← d · average + (1 − d) · weight after each step.

    d is that of `EmaDecay`. Ours instead of Keras' `use_ema`, which the legacy optimizers do not
    have. Embedding tables are averaged by the optimizer, which knows their rows of a step.

    Args:
        weights: the variables to average.
        decay: of the average.
        optimizer: averages the tables among the weights (default: there are no tables).

    Attributes:
        averages: the averages of the weights that are no tables, in order.
        step: number of updates.
    """

    def __init__(
        self,
        weights: Sequence[tf.Variable],
        decay: EmaDecay,
        optimizer: "RowAdam | None" = None,
    ):
        super().__init__()
        self._decay = decay
        self._optimizer = optimizer
        in_optimizer = set() if optimizer is None else {one.ref() for one in optimizer.tables}
        self._weights = [weight for weight in weights if weight.ref() not in in_optimizer]
        self.averages = [tf.Variable(weight, trainable=False) for weight in self._weights]
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64)

    def update(self) -> None:
        """Updates the averages after a step."""
        rate = 1.0 - self._decay.at(self.step)
        moved = [
            average + tf.cast(rate, weight.dtype) * (weight - average)
            for average, weight in zip(self.averages, self._weights, strict=True)
        ]
        replicas.assign([*self.averages, self.step], [*moved, self.step + 1])

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Within the context, the weights are their averages."""
        weights = [*self._weights, *(() if self._optimizer is None else self._optimizer.tables)]
        held = [tf.identity(weight) for weight in weights]
        self.assign_to_weights()
        try:
            yield
        finally:
            for weight, value in zip(weights, held, strict=True):
                weight.assign(value)

    def assign_to_weights(self) -> None:
        """Sets the weights to their averages, at the end of a training."""
        for average, weight in zip(self.averages, self._weights, strict=True):
            weight.assign(average)
        if self._optimizer is not None:
            for table in self._optimizer.tables:
                table.assign(self._optimizer.average_of(table))
