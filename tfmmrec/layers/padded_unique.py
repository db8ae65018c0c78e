"""Distinct rows of a batch, with a dynamic shape or padded to a static one."""

import tensorflow as tf


def padded_unique(
    rows: tf.Tensor, below: int | None = None, *, most: int | None = None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns each distinct row once, in order of first occurrence.

    `tf.unique` has an output of dynamic shape, which XLA cannot compile efficiently. With `below`,
    the output has a static shape and is padded with zeros.

    Args:
        rows: int32 `[n]`.
        below: upper bound of the rows, exclusive; None returns a dynamic shape (default None).
        most: maximum number of distinct rows, with `below` (default: the smaller of `n` and
            `below`).

    Returns:
        Distinct rows, `[distinct]` or padded; the position of each input row among them, int32
        `[n]`; and which distinct rows are not padding, bool.

    Example:
        >>> unique, positions, valid = padded_unique(tf.constant([7, 3, 7]), below=8)
        >>> unique.numpy().tolist(), positions.numpy().tolist(), valid.numpy().tolist()
        ([7, 3, 0], [0, 1, 0], [True, True, False])
    """
    if below is None:
        unique, positions = tf.unique(rows)
        return unique, positions, tf.fill(tf.shape(unique), True)
    num_rows = tf.size(rows) if rows.shape[0] is None else rows.shape[0]
    limits = (rows.shape[0], below, most)
    length = min(limit for limit in limits if limit is not None)
    indices = tf.range(num_rows)
    # Index of the first occurrence; `tf.unique` would be a loop over all rows in XLA.
    first = tf.fill([below], num_rows)
    first = tf.gather(tf.tensor_scatter_nd_min(first, rows[:, tf.newaxis], indices), rows)
    positions = tf.gather(tf.cumsum(tf.cast(first == indices, tf.int32)) - 1, first)
    unique = tf.tensor_scatter_nd_update(
        tf.zeros([length], rows.dtype), positions[:, tf.newaxis], rows
    )
    return unique, positions, tf.range(length) < tf.reduce_max(positions) + 1
