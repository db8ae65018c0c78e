"""Time intervals between the events of a history, in buckets on a logarithmic scale.

TiSASRec (Li et al. 2020, "Time interval aware self-attention for sequential recommendation", WSDM)
learns an embedding for each interval between two items, clipped at a maximum. Here, intervals fall
into logarithmic buckets, since a minute matters within a session, but not after a month.

Intervals are relative to events of the history, not to the time of the request: the same request
has the same answer tomorrow, and serving agrees with evaluation.
"""

import tensorflow as tf

# Unknown; 0 seconds; and from 1, 2, 4, … 2^29 seconds (17 years) on.
NUM_BUCKETS = 32
_STARTS = (0, *(2**exponent for exponent in range(NUM_BUCKETS - 2)))


def interval_buckets(seconds: tf.Tensor) -> tf.Tensor:
    """Returns the buckets of intervals, int32 from 0 to NUM_BUCKETS - 1, of the same shape.

    Args:
        seconds: int64; below 0 if unknown.

    Example:
        >>> interval_buckets(tf.constant([-1, 0, 1, 60], tf.int64)).numpy().tolist()
        [0, 1, 2, 7]
    """
    starts = tf.constant(_STARTS, tf.int64)
    # Compared with powers of 2, since a floating-point logarithm may round down.
    flat = tf.searchsorted(starts, tf.reshape(seconds, [-1]), side="right")
    return tf.reshape(flat, tf.shape(seconds))


def previous_intervals(times: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns the seconds between each item and the previous one, int64 `[batch, n]`.

    The interval is -1 if one of the times is unknown, and for the first item.

    Args:
        times: int64 `[batch, n]`, Unix seconds, oldest first; 0 or below if unknown.
        mask: bool `[batch, n]`, True at items; values at padding are ignored.
    """
    is_item = tf.cast(mask, tf.int32)
    # The positions of items before those of padding, each in order.
    item_positions = tf.argsort(1 - is_item, axis=1, stable=True)
    previous = tf.cumsum(is_item, axis=1, exclusive=True) - 1  # [batch, n]
    position = tf.gather(item_positions, tf.maximum(previous, 0), batch_dims=1)
    earlier = tf.gather(times, position, batch_dims=1)
    known = mask & (previous >= 0) & (earlier > 0) & (times > 0)
    return tf.where(known, tf.maximum(times - earlier, 0), -1)


def ages(times: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Returns the seconds between each item and the newest one, int64 `[batch, n]`.

    The age is -1 if the time is unknown.

    Args:
        times: as for `previous_intervals`.
        mask: as for `previous_intervals`.
    """
    known = mask & (times > 0)
    newest = tf.reduce_max(tf.where(known, times, 0), axis=1, keepdims=True)
    return tf.where(known, newest - times, -1)
