"""The optimizer step: from the gradients of batches to new weights."""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute import replicas
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.encoders.finetuning import TrainableFeature
from tfmmrec.training import gradients as grads
from tfmmrec.training.ema import EmaDecay, ExponentialMovingAverage
from tfmmrec.training.gradients import Gradient
from tfmmrec.training.learning_rate import LearningRate
from tfmmrec.training.loss_scaling import DynamicLossScale
from tfmmrec.training.row_adam import RowAdam

# The gradients of the towers' weights, then those of each fine-tuned encoder; None for no gradient.
Gradients = Sequence[Sequence[Gradient | None]]


class OptimizerStep(tf.Module):
    """Applies gradients: loss scaling, accumulation, clipping, Adam and the moving average.

    Ours instead of Keras' `gradient_accumulation_steps`, `use_ema` and `LossScaleOptimizer`: TFRS
    requires legacy Keras, whose legacy optimizers lack the first two, and whose loss scaling is a
    wrapper around a single optimizer.

    Embedding tables are updated by row (see `RowAdam`), at a cost that does not grow with their
    size. XLA and TPUs need static shapes: there, each step reads and writes whole tables, with the
    same result.

    Each of several replicas passes the loss of the whole batch and its part of the gradients. A
    training resumes exactly from the variables of this module and those of the model.

    Args:
        weights: of the towers.
        encoders: the fine-tuned encoders, each with its own optimizer.
        config: of the training.
        num_batches: of the whole training.
        tables: those of the weights that are updated by row (default none).

    Attributes:
        step: number of batches, int64.
        bad_step: the first batch, from 0, whose loss was not finite; -1 for none.
        rate: the learning rate of the towers by the number of updates.
        optimizer: of the towers.
        average: the moving average of the towers' weights.
        loss_scale: with `precision: mixed_float16`, else None.
        sums: the accumulated gradients, without accumulation None.
    """

    def __init__(
        self,
        weights: Sequence[tf.Variable],
        encoders: Sequence[TrainableFeature],
        config: TrainConfig,
        num_batches: int,
        *,
        tables: Sequence[tf.Variable] = (),
    ):
        super().__init__()
        self._options = config.optimizer
        self._weights = [list(weights), *(encoder.weights for encoder in encoders)]
        self._encoders = list(encoders)
        fixed_shapes = needs_static_shapes(config.strategy, config.jit_compile)
        self._sparse = set() if fixed_shapes else {table.ref() for table in tables}
        self._num_updates = max(1, num_batches // self._options.gradient_accumulation_steps)
        self.rate = self._rate(config.learning_rate)
        decay = EmaDecay(config.ema_decay)
        self.optimizer = RowAdam(self.rate, tables, decay)
        for encoder in encoders:
            encoder.optimizer.learning_rate = self._rate(encoder.learning_rate or 0.0)
        self._create_slots()
        self.average = ExponentialMovingAverage(weights, decay, self.optimizer)
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.bad_step = tf.Variable(-1, trainable=False, dtype=tf.int64)
        self.loss_scale = DynamicLossScale() if config.precision == "mixed_float16" else None
        self.sums = None
        if self._options.gradient_accumulation_steps > 1:
            sparse = [] if fixed_shapes else tables
            self.sums = grads.GradientSums(tf.nest.flatten(self._weights), sparse)

    def _create_slots(self) -> None:
        """Creates the optimizer's state; a step that created it would be traced twice.

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
        gradients = self._as_rows_or_dense(gradients)
        if self.loss_scale is not None:
            gradients = _on_all(gradients, lambda parts: grads.divide(parts, self.factor))
        accumulate, clip = self._options.gradient_accumulation_steps, self._options.global_clipnorm
        if replicas.num_replicas() > 1 and (accumulate > 1 or clip or self.loss_scale is not None):
            gradients = _on_all(gradients, grads.average_over_replicas)
        if self.sums is None:
            self._update_if_finite(gradients)
            return
        self.sums.add(_flat(gradients), 1.0 / accumulate)
        replicas.run_if(self.step % accumulate == 0, self._apply_sums)

    def _apply_sums(self) -> None:
        assert self.sums is not None
        sums = iter(self.sums.pop())
        self._update_if_finite([[next(sums) for _ in part] for part in self._weights])

    def _update_if_finite(self, gradients: Gradients) -> None:
        """Updates the weights, unless half precision overflowed."""
        if self.loss_scale is None:
            self._update(gradients)
            return
        finite = grads.all_finite([part for part in _flat(gradients) if part is not None])
        self.loss_scale.update(finite)
        replicas.run_if(finite, self._update, gradients)

    def _update(self, gradients: Gradients) -> None:
        if self._options.global_clipnorm:
            gradients = _on_all(gradients, self._clipped)
        towers, *encoders = gradients
        self.optimizer.apply_gradients(zip(towers, self._weights[0], strict=True))
        for encoder, parts in zip(self._encoders, encoders, strict=True):
            encoder.apply(list(parts))
        self.average.update()

    def _clipped(self, gradients: Sequence[Gradient]) -> list[Gradient]:
        # The slices of one row must be summed before their norm is taken.
        summed = [grads.sum_repeated_rows(part) for part in gradients]
        # Each of several replicas has the same part of the gradients.
        clip_norm = self._options.global_clipnorm / replicas.num_replicas()
        clipped, _ = tf.clip_by_global_norm(summed, clip_norm)
        return clipped

    def _as_rows_or_dense(self, gradients: Gradients) -> Gradients:
        """Keeps the gradients of tables as rows, and makes all others dense."""
        return [
            [
                part if part is None or weight.ref() in self._sparse else grads.dense(part)
                for part, weight in zip(parts, weights, strict=True)
            ]
            for parts, weights in zip(gradients, self._weights, strict=True)
        ]

    def are_finite(self) -> bool:
        """Whether all weights and their averages are finite."""
        numbers = [*tf.nest.flatten(self._weights), *self.average.variables]
        return all(math.isfinite(float(tf.reduce_sum(tf.abs(grads.dense(w))))) for w in numbers)


def _flat(gradients: Gradients) -> list[Gradient | None]:
    return [part for parts in gradients for part in parts]


def _on_all(
    gradients: Gradients, function: Callable[[list[Gradient]], Sequence[Gradient]]
) -> Gradients:
    """Applies a function to the list of all gradients that are not None."""
    changed = iter(function([part for part in _flat(gradients) if part is not None]))
    return [[None if part is None else next(changed) for part in parts] for parts in gradients]
