"""The distinct ones of a batch's rows, in a shape of the batch's own or in a fixed one."""

import tensorflow as tf


def distinct(rows: tf.Tensor, most: int | None = None) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Gives each row once, in the order in which they come first.

    XLA compiles a program for shapes that it knows, and how many rows there will be it does not.

    Args:
        rows: int32 `[n]`.
        most: how many there may be; the result then has that length, or that of `rows` where it is
            known and less, and zeros follow.

    Returns:
        The rows, `[distinct]` or as many; where among them each of the given ones stands, int32
        `[n]`; and which of them are no filling, bool.

    Example:
        >>> each, places, real = distinct(tf.constant([7, 3, 7]), most=3)
        >>> each.numpy().tolist(), places.numpy().tolist(), real.numpy().tolist()
        ([7, 3, 0], [0, 1, 0], [True, True, False])
    """
    each, places = tf.unique(rows)
    if most is None:
        return each, places, tf.fill(tf.shape(each), True)
    most = min(most, most if rows.shape[0] is None else rows.shape[0])
    filled = tf.tensor_scatter_nd_update(tf.zeros([most], rows.dtype), places[:, tf.newaxis], rows)
    return filled, places, tf.range(most) < tf.reduce_max(places) + 1
