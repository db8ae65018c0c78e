"""The optimizer step: from the gradients of batches to new weights."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.encoders.finetuning import TrainableFeature
from tfmmrec.training.ema import ExponentialMovingAverage
from tfmmrec.training.learning_rate import LearningRate
from tfmmrec.training.loss_scaling import DynamicLossScale

# The gradients of the towers' weights, then those of each fine-tuned encoder; None for no gradient.
Gradients = Sequence[Sequence[Any]]


class OptimizerStep(tf.Module):
    """Applies gradients: loss scaling, accumulation, clipping, Adam and the moving average.

    Ours instead of Keras' `gradient_accumulation_steps`, `use_ema` and `LossScaleOptimizer`: TFRS
    requires legacy Keras, whose legacy optimizers lack the first two, and whose loss scaling is a
    wrapper around a single optimizer.

    Each of several replicas passes the loss of the whole batch and its part of the gradients. A
    training resumes exactly from the variables of this module and those of the model.

    Args:
        weights: of the towers.
        encoders: the fine-tuned encoders, each with its own optimizer.
        config: of the training.
        num_batches: of the whole training.

    Attributes:
        step: number of batches, int64.
        bad_step: the first batch, from 0, whose loss was not finite; -1 for none.
        rate: the learning rate of the towers by the number of updates.
        optimizer: of the towers.
        average: the moving average of the towers' weights.
        loss_scale: with `precision: mixed_float16`, else None.
        sums: the accumulated gradients, without accumulation none.
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
        self.loss_scale = DynamicLossScale() if config.precision == "mixed_float16" else None
        self.sums: list[tf.Variable] = []
        if self._options.gradient_accumulation_steps > 1:
            self.sums = [
                tf.Variable(tf.zeros(weight.shape), trainable=False)
                for weight in tf.nest.flatten(self._weights)
            ]
        self._create_slots()

    def _create_slots(self) -> None:
        """Creates Adam's moments; a step that created them would be traced twice.

        `_create_all_weights` is private: legacy optimizers have no public method for it. They are
        frozen, so that it will not change.
        """
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
        """The factor of the loss whose gradients `apply_gradients` expects, a scalar."""
        return tf.ones([]) if self.loss_scale is None else tf.identity(self.loss_scale.factor)

    def apply_gradients(self, loss: tf.Tensor, gradients: Gradients) -> None:
        """Applies a batch.

        Args:
            loss: of the whole batch, a scalar.
            gradients: of `factor` times the loss.
        """
        bad = ~tf.math.is_finite(loss) & (self.bad_step < 0)
        bad_step = tf.where(bad, self.step, self.bad_step)
        replicas.assign([self.bad_step, self.step], [bad_step, self.step + 1])
        if self.loss_scale is not None:
            gradients = _map(gradients, lambda gradient: _dense(gradient) / self.factor)
        accumulate, clip = self._options.gradient_accumulation_steps, self._options.global_clipnorm
        if replicas.num_replicas() > 1 and (accumulate > 1 or clip or self.loss_scale is not None):
            gradients = _averaged_over_replicas(gradients)
        if accumulate == 1:
            self._update_if_finite(gradients)
            return
        sums = [
            total if gradient is None else total + _dense(gradient) / accumulate
            for total, gradient in zip(self.sums, _flat(gradients), strict=True)
        ]
        replicas.assign(self.sums, sums)
        replicas.run_if(self.step % accumulate == 0, self._apply_sums)

    def _apply_sums(self) -> None:
        sums = [tf.identity(total) for total in self.sums]
        self._update_if_finite(tf.nest.pack_sequence_as(self._weights, sums))
        replicas.assign(self.sums, [tf.zeros_like(total) for total in self.sums])

    def _update_if_finite(self, gradients: Gradients) -> None:
        """Updates the weights, unless half precision overflowed."""
        if self.loss_scale is None:
            self._update(gradients)
            return
        present = [gradient for gradient in _flat(gradients) if gradient is not None]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in present])
        self.loss_scale.update(finite)
        replicas.run_if(finite, self._update, gradients)

    def _update(self, gradients: Gradients) -> None:
        if self._options.global_clipnorm:
            gradients = self._clipped(gradients)
        elif self._fixed_shapes:
            # The number of rows of a sparse gradient depends on the batch; Adam updates all rows
            # in any case.
            gradients = _map(gradients, _dense)
        towers, *encoders = gradients
        self.optimizer.apply_gradients(zip(towers, self._weights[0], strict=True))
        for encoder, parts in zip(self._encoders, encoders, strict=True):
            encoder.apply(list(parts))
        self.average.update()

    def _clipped(self, gradients: Gradients) -> Gradients:
        # The slices of one row must be summed before their norm is taken.
        dense = _map(gradients, _dense)
        # Each of several replicas has the same part of the gradients.
        clip_norm = self._options.global_clipnorm / replicas.num_replicas()
        flat, _ = tf.clip_by_global_norm(_flat(dense), clip_norm)
        clipped = iter(flat)
        return [[next(clipped) for _ in part] for part in dense]

    def are_finite(self) -> bool:
        """Whether all weights and their averages are finite."""
        numbers = [*tf.nest.flatten(self._weights), *self.average.averages]
        return all(math.isfinite(float(tf.reduce_sum(tf.abs(_float32(w))))) for w in numbers)


def _averaged_over_replicas(gradients: Gradients) -> Gradients:
    """The mean over replicas, for each of them; the sum over replicas is that of the batch."""
    dense = _map(gradients, _dense)
    present = [gradient for gradient in _flat(dense) if gradient is not None]
    sums = iter(replicas.all_reduce_sum(present))
    return _map(dense, lambda _: next(sums) / replicas.num_replicas())


def _flat(gradients: Gradients) -> list[Any]:
    return [gradient for part in gradients for gradient in part]


def _map(gradients: Gradients, function: Callable[[Any], Any]) -> Gradients:
    return [[None if g is None else function(g) for g in part] for part in gradients]


def _dense(gradient: Any) -> tf.Tensor:
    return _float32(tf.convert_to_tensor(gradient))


def _float32(values: Any) -> tf.Tensor:
    return tf.cast(tf.convert_to_tensor(values), tf.float32)
