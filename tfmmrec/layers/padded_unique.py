"""The distinct ones of a batch's rows, in a shape of the batch's own or in a fixed one."""

import tensorflow as tf


def padded_unique(
    rows: tf.Tensor, below: int | None = None, *, most: int | None = None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Gives each row once, in the order in which they come first.

    XLA compiles a program for shapes that it knows, and how many rows there will be it does not.

    Args:
        rows: int32 `[n]`.
        below: what rows are below; the results then have the length that there could be at most,
            and zeros follow.
        most: how many different ones there may be then (default: as many as `rows` and `below`
            leave room for).

    Returns:
        The rows, `[distinct]` or as many as there could be; where among them each of the given ones
        stands, int32 `[n]`; and which of them are no filling, bool.

    Example:
        >>> each, places, real = distinct(tf.constant([7, 3, 7]), below=8)
        >>> each.numpy().tolist(), places.numpy().tolist(), real.numpy().tolist()
        ([7, 3, 0], [0, 1, 0], [True, True, False])
    """
    if below is None:
        each, places = tf.unique(rows)
        return each, places, tf.fill(tf.shape(each), True)
    num_rows = tf.size(rows) if rows.shape[0] is None else rows.shape[0]
    limits = (rows.shape[0], below, most)
    length = min(limit for limit in limits if limit is not None)
    numbers = tf.range(num_rows)
    # `tf.unique` would be a loop over all rows in XLA.
    first = tf.fill([below], num_rows)
    first = tf.gather(tf.tensor_scatter_nd_min(first, rows[:, tf.newaxis], numbers), rows)
    places = tf.gather(tf.cumsum(tf.cast(first == numbers, tf.int32)) - 1, first)
    each = tf.tensor_scatter_nd_update(tf.zeros([length], rows.dtype), places[:, tf.newaxis], rows)
    return each, places, tf.range(length) < tf.reduce_max(places) + 1
