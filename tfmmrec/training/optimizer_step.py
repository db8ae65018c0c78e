"""From the gradients of batches to the weights behind them."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.encoders.finetuning import TrainableFeature
from tfmmrec.training.ema import ExponentialMovingAverage
from tfmmrec.training.learning_rate import LearningRate
from tfmmrec.training.loss_scaling import LossScale

# The gradients of the towers' weights, and of each trained encoder's; None where there is none.
Gradients = Sequence[Sequence[Any]]


class OptimizerStep(tf.Module):
    """Moves the weights by the gradients of each batch, and counts.

    Of several replicas each gives the loss of the whole batch and its part of the gradients.

    With its variables and those of the model a training goes on as if it had not been stopped.

    Args:
        weights: of the towers.
        encoders: those that are trained along, each by its own optimizer.
        config: how.
        num_batches: of the whole training.

    Attributes:
        step: how many batches there were.
        bad_step: the number, from 0, of the first batch whose loss was not finite; -1 for none.
        rate: the learning rate of the towers by the number of the update.
    """

    def __init__(
        self,
        weights: Sequence[tf.Variable],
        encoders: Sequence[TrainableFeature],
        config: TrainConfig,
        num_batches: int,
    ):
        super().__init__()
        self._options = config.optimizer
        self._weights = [list(weights), *(encoder.weights for encoder in encoders)]
        self._encoders = list(encoders)
        self._fixed_shapes = needs_static_shapes(config.strategy, config.jit_compile)
        self._num_updates = max(1, num_batches // self._options.gradient_accumulation_steps)
        self.rate = self._rate(config.learning_rate)
        self.optimizer = tf.keras.optimizers.legacy.Adam(self.rate)
        for encoder in encoders:
            encoder.optimizer.learning_rate = self._rate(encoder.learning_rate or 0.0)
        self.average = ExponentialMovingAverage(weights, config.ema_decay)
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.bad_step = tf.Variable(-1, trainable=False, dtype=tf.int64)
        self.loss_scale = LossScale() if config.precision == "mixed_float16" else None
        self.sums: list[tf.Variable] = []
        if self._options.gradient_accumulation_steps > 1:
            self.sums = [
                tf.Variable(tf.zeros(weight.shape), trainable=False)
                for weight in tf.nest.flatten(self._weights)
            ]
        self._make_slots()

    def _make_slots(self) -> None:
        """Makes what Adam keeps of each weight; a step that made it would be traced twice."""
        self.optimizer._create_all_weights(self._weights[0])
        for encoder in self._encoders:
            encoder.optimizer._create_all_weights(encoder.master_weights)

    def _rate(self, peak: float) -> LearningRate:
        options = self._options
        return LearningRate(
            peak,
            num_steps=self._num_updates,
            schedule=options.schedule,
            warmup=options.warmup,
        )

    @property
    def factor(self) -> tf.Tensor:
        """What `take` expects the loss to have been multiplied by for its gradients."""
        return tf.ones([]) if self.loss_scale is None else tf.identity(self.loss_scale.factor)

    def take(self, loss: tf.Tensor, gradients: Gradients) -> None:
        """Takes in a batch: its loss, and the gradients of `factor` times that."""
        bad = ~tf.math.is_finite(loss) & (self.bad_step < 0)
        bad_step = tf.where(bad, self.step, self.bad_step)
        replicas.assign([self.bad_step, self.step], [bad_step, self.step + 1])
        if self.loss_scale is not None:
            gradients = _each(gradients, lambda gradient: _dense(gradient) / self.factor)
        accumulate, clip = self._options.gradient_accumulation_steps, self._options.global_clipnorm
        if replicas.count() > 1 and (accumulate > 1 or clip or self.loss_scale is not None):
            gradients = _agreed(gradients)
        if accumulate == 1:
            self._checked(gradients)
            return
        sums = [
            total if gradient is None else total + _dense(gradient) / accumulate
            for total, gradient in zip(self.sums, _flat(gradients), strict=True)
        ]
        replicas.assign(self.sums, sums)
        replicas.do_if(self.step % accumulate == 0, self._spend)

    def _spend(self) -> None:
        self._checked(tf.nest.pack_sequence_as(self._weights, [tf.identity(s) for s in self.sums]))
        replicas.assign(self.sums, [tf.zeros_like(total) for total in self.sums])

    def _checked(self, gradients: Gradients) -> None:
        """Updates, unless half precision did not hold the gradients."""
        if self.loss_scale is None:
            self._update(gradients)
            return
        given = [gradient for gradient in _flat(gradients) if gradient is not None]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in given])
        self.loss_scale.follow(finite)
        replicas.do_if(finite, self._update, gradients)

    def _update(self, gradients: Gradients) -> None:
        if self._options.global_clipnorm:
            gradients = self._clipped(gradients)
        elif self._fixed_shapes:
            # How many rows of a table there are only the batch knows; Adam moves all in any case.
            gradients = _each(gradients, _dense)
        towers, *own = gradients
        self.optimizer.apply_gradients(zip(towers, self._weights[0], strict=True))
        for encoder, parts in zip(self._encoders, own, strict=True):
            encoder.apply(list(parts))
        self.average.update()

    def _clipped(self, gradients: Gradients) -> Gradients:
        # Slices of the same row add up before they have a length.
        whole = _each(gradients, _dense)
        # Of several replicas, each has a part of the gradients, all of them alike.
        most = self._options.global_clipnorm / replicas.count()
        flat, _ = tf.clip_by_global_norm(_flat(whole), most)
        places = iter(flat)
        return [[next(places) for _ in part] for part in whole]

    def are_finite(self) -> bool:
        """Whether the weights, and their average, are."""
        numbers = [*tf.nest.flatten(self._weights), *self.average.averages]
        return all(math.isfinite(float(tf.reduce_sum(tf.abs(_full(w))))) for w in numbers)


def _agreed(gradients: Gradients) -> Gradients:
    """The sum of what replicas have, and of that to each as large a part: they add up again."""
    whole = _each(gradients, _dense)
    given = [gradient for gradient in _flat(whole) if gradient is not None]
    sums = iter(replicas.total(given))
    return _each(whole, lambda _: next(sums) / replicas.count())


def _flat(gradients: Gradients) -> list[Any]:
    return [gradient for part in gradients for gradient in part]


def _each(gradients: Gradients, change: Any) -> Gradients:
    return [[None if g is None else change(g) for g in part] for part in gradients]


def _dense(gradient: Any) -> tf.Tensor:
    return _full(tf.convert_to_tensor(gradient))


def _full(values: Any) -> tf.Tensor:
    return tf.cast(tf.convert_to_tensor(values), tf.float32)
