"""Row-wise Adam: updates only those rows of an embedding table that a batch reads."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.training.ema import EmaDecay


class RowAdam(tf.keras.optimizers.legacy.Adam):
    """Adam, with row-wise updates of embedding tables and a lazy moving average of their rows.

    Legacy Adam decays the moments of a table in every step, and moves every row of it: a step of a
    catalog of a million items costs a hundred times that of ten thousand. Here a row is updated in
    the steps that read it. It has one second moment (as in the partial row-wise Adam of Mudigere et
    al. 2022, arXiv:2104.05158), whose bias the number of its updates n corrects:
    `v ← β₂ v + (1 − β₂) mean(g²)`, `w ← w − rate · g / (√(v / (1 − β₂ⁿ)) + ε)`. There is no first
    moment: a row that is read once in many steps has no direction to keep.

    The moving average is kept as its lag behind the weights. That of a row is brought up to date
    when the row is next updated, and for all rows when it is read; the result is that of an update
    in every step.

    Args:
        rate: the learning rate, or a schedule.
        tables: the variables `[rows, dim]` that are updated by row.
        decay: of the moving average.

    Attributes:
        tables: as given.
    """

    def __init__(
        self,
        rate: float | tf.keras.optimizers.schedules.LearningRateSchedule,
        tables: Sequence[tf.Variable],
        decay: EmaDecay,
    ):
        super().__init__(rate)
        self.tables = list(tables)
        self._keys = {_key(table) for table in tables}
        self._decay = decay

    def _create_slots(self, var_list: Sequence[tf.Variable]) -> None:
        super()._create_slots([var for var in var_list if not self._is_table(var)])
        for var in var_list:
            if self._is_table(var):
                self.add_slot(var, "lag")
                self.add_slot(var, "row_state", shape=[var.shape[0], 3])

    def _is_table(self, var: tf.Variable) -> bool:
        return _key(var) in self._keys

    def _resource_apply_dense(
        self, grad: tf.Tensor, var: tf.Variable, apply_state: Any = None
    ) -> Any:
        if not self._is_table(var):
            return super()._resource_apply_dense(grad, var, apply_state)
        return self._resource_apply_sparse(grad, var, tf.range(tf.shape(grad)[0]), apply_state)

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> Any:
        if not self._is_table(var):
            return super()._resource_apply_sparse(grad, var, indices, apply_state)
        coefficients = (apply_state or {}).get(
            (var.device, var.dtype.base_dtype)
        ) or self._fallback_apply_state(var.device, var.dtype.base_dtype)
        lag, state = self.get_slot(var, "lag"), self.get_slot(var, "row_state")
        moment, count, until = _split(_gather(state, indices))  # [batch, 1] each
        # A row whose gradient is zero is not updated, as if the batch had not read it.
        square = tf.reduce_mean(tf.square(grad), axis=1, keepdims=True)
        is_read = square > 0.0
        beta = coefficients["beta_2_t"]
        moment += tf.where(is_read, (1.0 - beta) * (square - moment), 0.0)
        count += tf.cast(is_read, count.dtype)
        root = tf.sqrt(moment / (1.0 - tf.pow(beta, tf.maximum(count, 1.0))))
        change = coefficients["lr_t"] / (root + coefficients["epsilon"]) * grad  # [batch, dim]
        # average − weight, with average ← d · average + (1 − d) · weight and weight ← weight −
        # change: the weight itself is not needed.
        step = self.iterations
        decay = self._decay.at(step)
        gap = tf.exp(self._decay.log_product(until, step))
        lagging = decay * gap * _gather(lag, indices) + decay * change
        until = tf.fill(tf.shape(until), tf.cast(step + 1, until.dtype))
        return tf.group(
            tf.raw_ops.ResourceScatterSub(resource=var.handle, indices=indices, updates=change),
            _scatter(lag, indices, lagging),
            _scatter(state, indices, tf.concat([moment, count, until], axis=1)),
        )

    def average_of(self, table: tf.Variable) -> tf.Tensor:
        """The moving average of a table, `[rows, dim]`, outside of training steps."""
        _, _, until = _split(self.get_slot(table, "row_state"))
        gap = tf.exp(self._decay.log_product(until, self.iterations))
        return table + gap * self.get_slot(table, "lag")


def _key(var: tf.Variable) -> str:
    """The key of a variable, which is that of all its copies on replicas; as Keras finds slots."""
    if isinstance(var, tf.distribute.DistributedValues):
        return var._unique_id
    for holder in (var, var.handle):
        if hasattr(holder, "_distributed_container"):
            return holder._distributed_container()._unique_id
    return var._unique_id


def _split(state: tf.Tensor) -> list[tf.Tensor]:
    """Second moment, number of updates, and the step before which the lag is, `[rows, 1]` each."""
    return tf.split(state, 3, axis=1)


def _gather(variable: tf.Variable, indices: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ResourceGather(
        resource=variable.handle, indices=indices, dtype=variable.dtype
    )


def _scatter(variable: tf.Variable, indices: tf.Tensor, rows: tf.Tensor) -> tf.Operation:
    return tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=indices, updates=rows)
