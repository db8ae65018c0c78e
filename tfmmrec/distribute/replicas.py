"""Communication between replicas within a step; with a single replica, none.

Each replica has a part of the batch. A loss is a sum over that part, divided by a count over the
whole batch, so that the losses and gradients of the replicas add up to those of one device.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import integers

# Types that collectives do not transfer, and the types that replace them.
_TRANSFER_TYPES = {tf.bool: tf.int32, tf.bfloat16: tf.float32}


def num_replicas() -> int:
    """The number of replicas that take a step together."""
    context = tf.distribute.get_replica_context()
    # Outside of a step, variables are created for all replicas at once.
    return 1 if context is None else context.num_replicas_in_sync


def replica_id() -> Any:
    """The number of this replica, from 0."""
    if num_replicas() == 1:
        return 0
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def all_gather(values: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, `[rows of all, …]`, in the order of the replicas.

    The gradient of a replica's rows is the sum over the uses of all replicas.
    """
    if num_replicas() == 1:
        return values
    # A copy, since collectives need tensors that are placed on a device; random draws are not.
    sent = tf.identity(tf.cast(values, _TRANSFER_TYPES.get(values.dtype, values.dtype)))
    gathered = tf.distribute.get_replica_context().all_gather(sent, axis=0)
    gathered = tf.ensure_shape(gathered, [None, *values.shape[1:]])
    return tf.cast(_dense_gradient(gathered), values.dtype)


@tf.custom_gradient
def _dense_gradient(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
    # Sparse gradients of different rows cannot be summed over replicas.
    return tf.identity(values), lambda gradient: tf.convert_to_tensor(gradient)


def all_reduce_sum(values: Any) -> Any:
    """The sum over replicas of a tensor or of several; not differentiable."""
    if num_replicas() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def row_offset(rows: tf.Tensor) -> tf.Tensor:
    """The position of this replica's first row in the result of `all_gather`, int32 scalar."""
    if num_replicas() == 1:
        return tf.constant(0)
    sizes = all_gather(tf.shape(rows)[:1])  # [replicas]
    # A masked sum, since a TPU needs static bounds of slices.
    return tf.reduce_sum(tf.where(tf.range(num_replicas()) < replica_id(), sizes, 0))


def local_slice(rows: tf.Tensor) -> tf.Tensor:
    """This replica's slice of rows that are the same on all replicas.

    `all_gather` of the slices restores the rows; with static shapes, padding follows the last row.
    """
    if num_replicas() == 1:
        return rows
    size = rows.shape[0]
    if size is None:
        start, end = slice_bounds(tf.shape(rows)[0], replica_id(), num_replicas())
        return rows[start:end]
    # A static size gives slices of static size; zeros, or False, pad the last one.
    slice_size = -(-size // num_replicas())
    padding = [[0, slice_size * num_replicas() - size], *([0, 0] for _ in rows.shape[1:])]
    slices = tf.reshape(tf.pad(rows, padding), [num_replicas(), slice_size, *rows.shape[1:]])
    return tf.gather(slices, replica_id())


def slice_bounds(size: Any, index: Any, num_slices: int) -> tuple[Any, Any]:
    """Start and end of a slice, if `size` rows are cut into slices of nearly equal size."""
    return size * index // num_slices, size * (index + 1) // num_slices


def draw_integers(num: int, below: tf.Tensor) -> tf.Tensor:
    """Draws integers from 0 to below a limit, int32 `[num]`, the same on all replicas.

    Each replica draws a part.
    """
    part = integers([-(-num // num_replicas())], below)
    # Collectives between workers cannot transfer empty tensors.
    return all_gather(part)[:num] if num else part


def unique_across_replicas(rows: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The distinct rows of all replicas, with the values of the first replica that has the row."""
    if num_replicas() == 1:
        return rows, values
    unique, positions = tf.unique(all_gather(rows))
    order = tf.range(tf.size(positions))
    first = tf.math.unsorted_segment_min(order, positions, tf.size(unique))
    return unique, tf.gather(all_gather(values), first)


def assign(variables: Sequence[tf.Variable], values: Sequence[tf.Tensor]) -> None:
    """Assigns values, which must be the same on all replicas, to each replica's variables."""
    if num_replicas() == 1:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return

    def update(strategy: tf.distribute.Strategy, all_values: Any) -> None:
        for variable, per_replica in zip(variables, all_values, strict=True):
            strategy.extended.update(
                variable, lambda v, value: v.assign(value), args=(per_replica,)
            )

    if variables:
        tf.distribute.get_replica_context().merge_call(update, args=(list(values),))


def run_if(condition: tf.Tensor, function: Callable[..., None], *args: Any) -> None:
    """Calls a function if a condition holds, which must be the same on all replicas.

    Unlike the branches of `tf.cond`, the function may communicate between replicas.
    """
    if num_replicas() == 1:
        tf.cond(condition, lambda: function(*args), lambda: None)
        return

    def merged(strategy: tf.distribute.Strategy, holds: Any, *args: Any) -> None:
        def call() -> None:
            strategy.extended.call_for_each_replica(function, args=args)

        tf.cond(strategy.experimental_local_results(holds)[0], call, lambda: None)

    tf.distribute.get_replica_context().merge_call(merged, args=(condition, *args))
