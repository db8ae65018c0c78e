"""Gradients of a step, dense or of some rows of a table: sums, scales, norms.

Gradients of embedding tables stay `tf.IndexedSlices`, so that a step costs as much as the batch is
large, whatever the size of the tables.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.distribute import replicas

# A `tf.Tensor` of the shape of the weight, or `tf.IndexedSlices`.
Gradient = Any


def dense(gradient: Gradient) -> tf.Tensor:
    """Converts to a float32 tensor of the shape of the weight."""
    return tf.cast(tf.convert_to_tensor(gradient), tf.float32)


def values(gradient: Gradient) -> tf.Tensor:
    """The numbers of a gradient; of a table's, those of its rows."""
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def divide(gradients: Sequence[Gradient], divisor: Any) -> list[Gradient]:
    """Divides gradients by a number, in float32."""

    def quotient(gradient: Gradient) -> Gradient:
        numbers = tf.cast(values(gradient), tf.float32) / divisor
        if isinstance(gradient, tf.IndexedSlices):
            return tf.IndexedSlices(numbers, gradient.indices, gradient.dense_shape)
        return numbers

    return [quotient(gradient) for gradient in gradients]


def sum_repeated_rows(gradient: Gradient) -> Gradient:
    """Sums the slices of the same row of a table, as norms require."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, positions = tf.unique(gradient.indices)
    sums = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(rows))
    return tf.IndexedSlices(sums, rows, gradient.dense_shape)


def all_finite(gradients: Sequence[Gradient]) -> tf.Tensor:
    """Whether all numbers are finite, a bool scalar."""
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(values(part))) for part in gradients])


def average_over_replicas(gradients: Sequence[Gradient]) -> list[Gradient]:
    """The mean over replicas, for each of them; the sum over replicas is that of the batch."""
    sums = iter(
        replicas.all_reduce_sum([g for g in gradients if not isinstance(g, tf.IndexedSlices)])
    )
    gathered = [
        tf.IndexedSlices(
            replicas.all_gather(g.values), replicas.all_gather(g.indices), g.dense_shape
        )
        if isinstance(g, tf.IndexedSlices)
        else next(sums)
        for g in gradients
    ]
    return divide(gathered, replicas.num_replicas())


class GradientSums(tf.Module):
    """Accumulates the gradients of several batches.

    Args:
        weights: the variables.
        tables: those of them whose gradients are kept as rows.

    Attributes:
        sums: of each weight that is not a table, in order.
        rows: of each table, int64 `[rows of all batches]`.
        slices: their gradients, `[rows of all batches, dim]`.
    """

    def __init__(self, weights: Sequence[tf.Variable], tables: Sequence[tf.Variable]):
        super().__init__()
        of_tables = {table.ref() for table in tables}
        self._is_table = [weight.ref() in of_tables for weight in weights]
        self._shapes = [weight.shape for weight in weights]
        self.sums: list[tf.Variable] = []
        self.rows: list[tf.Variable] = []
        self.slices: list[tf.Variable] = []
        for weight, is_table in zip(weights, self._is_table, strict=True):
            if not is_table:
                self.sums.append(tf.Variable(tf.zeros(weight.shape), trainable=False))
                continue
            no_rows, no_slices = tf.zeros([0], tf.int64), tf.zeros([0, *weight.shape[1:]])
            self.rows.append(tf.Variable(no_rows, trainable=False, shape=[None]))
            self.slices.append(
                tf.Variable(no_slices, trainable=False, shape=[None, *weight.shape[1:]])
            )

    def add(self, gradients: Sequence[Gradient | None], share: float) -> None:
        """Adds `share` times the gradients, in the order of the weights."""
        variables: list[tf.Variable] = []
        added: list[tf.Tensor] = []
        sums, rows, slices = iter(self.sums), iter(self.rows), iter(self.slices)
        for gradient, is_table in zip(gradients, self._is_table, strict=True):
            held = [next(rows), next(slices)] if is_table else [next(sums)]
            if gradient is None:
                continue
            variables += held
            if is_table:
                new = _rows_and_slices(gradient, share)
                added += [tf.concat(parts, axis=0) for parts in zip(held, new, strict=True)]
            else:
                added.append(held[0] + share * dense(gradient))
        replicas.assign(variables, added)

    def pop(self) -> list[Gradient]:
        """Returns the sums and resets them."""
        found: list[Gradient] = []
        sums, rows, slices = iter(self.sums), iter(self.rows), iter(self.slices)
        for shape, is_table in zip(self._shapes, self._is_table, strict=True):
            if is_table:
                indices, of_rows = tf.identity(next(rows)), tf.identity(next(slices))
                found.append(tf.IndexedSlices(of_rows, indices, tf.constant(shape.as_list())))
            else:
                found.append(tf.identity(next(sums)))
        with tf.control_dependencies([values(part) for part in found]):
            replicas.assign(
                [*self.sums, *self.rows, *self.slices],
                [
                    *(tf.zeros(total.shape) for total in self.sums),
                    *(tf.zeros([0], tf.int64) for _ in self.rows),
                    *(tf.zeros([0, *part.shape[1:]]) for part in self.slices),
                ],
            )
        return found


def _rows_and_slices(gradient: Gradient, share: float) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows of a table's gradient, and `share` times their slices."""
    is_sparse = isinstance(gradient, tf.IndexedSlices)
    rows = gradient.indices if is_sparse else tf.range(tf.shape(gradient)[0])
    return tf.cast(rows, tf.int64), share * tf.cast(values(gradient), tf.float32)
