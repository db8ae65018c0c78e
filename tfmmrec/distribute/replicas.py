"""What replicas of a model tell each other within a step; where there is but one, nothing.

Each replica has its part of a batch. Losses are sums over it, divided by what there is in the whole
batch, so that they and their gradients add up over the replicas to those of one device.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import integers

# What stands for types that are not sent.
_SENT = {tf.bool: tf.int32, tf.bfloat16: tf.float32}


def count() -> int:
    """How many replicas take a step together."""
    context = tf.distribute.get_replica_context()
    # Weights are made outside of steps, for all replicas at once.
    return 1 if context is None else context.num_replicas_in_sync


def gather(values: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, `[rows of all, …]`, those of the first replica first.

    The gradient by a replica's rows is the sum over what all replicas did with them.
    """
    if count() == 1:
        return values
    # A copy, since what was drawn is on no device, and nothing can be sent from there.
    sent = tf.identity(tf.cast(values, _SENT.get(values.dtype, values.dtype)))
    gathered = tf.distribute.get_replica_context().all_gather(sent, axis=0)
    gathered = tf.ensure_shape(gathered, [None, *values.shape[1:]])
    return tf.cast(_dense_gradient(gathered), values.dtype)


@tf.custom_gradient
def _dense_gradient(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
    # A gradient by rows cannot be summed over replicas that took other rows.
    return tf.identity(values), lambda gradient: tf.convert_to_tensor(gradient)


def total(values: Any) -> Any:
    """The sum over the replicas, of a tensor or of several; not for use below a gradient."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def first_place(rows: tf.Tensor) -> tf.Tensor:
    """Where among what `gather` gives this replica's rows begin, an int32 scalar."""
    if count() == 1:
        return tf.constant(0)
    sizes = gather(tf.shape(rows)[:1])
    # A TPU takes no slice whose end it does not know.
    return tf.reduce_sum(tf.where(tf.range(count()) < number(), sizes, 0))


def share(rows: tf.Tensor) -> tf.Tensor:
    """This replica's part of rows that all replicas hold alike.

    `gather` puts them together; what then stands behind the last of them fills up the parts.
    """
    if count() == 1:
        return rows
    size = rows.shape[0]
    if size is None:
        start, end = part(tf.shape(rows)[0], number(), count())
        return rows[start:end]
    # Where the size is known, so is that of the parts; zeros, or False, fill up the last.
    each = -(-size // count())
    padding = [[0, each * count() - size], *([0, 0] for _ in rows.shape[1:])]
    parts = tf.reshape(tf.pad(rows, padding), [count(), each, *rows.shape[1:]])
    return tf.gather(parts, number())


def part(size: Any, number: Any, parts: int) -> tuple[Any, Any]:
    """Where the part of a number begins and ends if so many rows are cut into parts alike."""
    return size * number // parts, size * (number + 1) // parts


def drawn(num: int, below: tf.Tensor) -> tf.Tensor:
    """Draws integers from 0 to below a limit, int32 `[num]`; each replica a part for all."""
    own = integers([-(-num // count())], below)
    # Of nothing at all there is nothing to send, which collectives between workers cannot bear.
    return gather(own)[:num] if num else own


def once(rows: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """All replicas' rows, each once, with the values that the first replica has for them."""
    if count() == 1:
        return rows, values
    unique, places = tf.unique(gather(rows))
    order = tf.range(tf.size(places))
    first = tf.math.unsorted_segment_min(order, places, tf.size(unique))
    return unique, tf.gather(gather(values), first)


def assign(variables: Sequence[tf.Variable], values: Sequence[tf.Tensor]) -> None:
    """Gives each replica's copy of variables their values, which have to be the same for all."""
    if count() == 1:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return

    def update(strategy: tf.distribute.Strategy, all_values: Any) -> None:
        for variable, own in zip(variables, all_values, strict=True):
            strategy.extended.update(variable, lambda v, value: v.assign(value), args=(own,))

    if variables:
        tf.distribute.get_replica_context().merge_call(update, args=(list(values),))


def do_if(condition: tf.Tensor, do: Callable[..., None], *given: Any) -> None:
    """Calls a function where a condition holds, which has to be the same for all replicas.

    Unlike in the branches of `tf.cond`, replicas may tell each other something in it.
    """
    if count() == 1:
        tf.cond(condition, lambda: do(*given), lambda: None)
        return

    def together(strategy: tf.distribute.Strategy, holds: Any, *given: Any) -> None:
        def call() -> None:
            strategy.extended.call_for_each_replica(do, args=given)

        tf.cond(strategy.experimental_local_results(holds)[0], call, lambda: None)

    tf.distribute.get_replica_context().merge_call(together, args=(condition, *given))


def number() -> Any:
    """Which of the replicas this is, from 0."""
    return 0 if count() == 1 else tf.distribute.get_replica_context().replica_id_in_sync_group
