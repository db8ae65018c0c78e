"""How long before one another the items of a history were chosen.

TiSASRec (Li et al. 2020, "Time interval aware self-attention for sequential recommendation", WSDM)
learns a vector for each interval between two items, cut off at the longest. Here intervals fall
into buckets by their logarithm, since a minute more or less is much within a session and nothing
after a month.

What is read is the history alone, up to its last item, and no clock: the same request gets the same
answer tomorrow, and a served model answers what it was measured by.
"""

import tensorflow as tf

# No gap known; 0 seconds; and from 1, 2, 4, … 2^29 seconds on, which is 17 years.
NUM_BUCKETS = 32
_STARTS = (0, *(2**exponent for exponent in range(NUM_BUCKETS - 2)))


def gap_buckets(seconds: tf.Tensor) -> tf.Tensor:
    """The buckets of gaps, int32 from 0 to NUM_BUCKETS - 1, in the shape of the gaps.

    Args:
        seconds: int64; below 0 where no gap is known.
    """
    starts = tf.constant(_STARTS, tf.int64)
    # Compared and counted, since a logarithm may fall short of a whole number.
    flat = tf.searchsorted(starts, tf.reshape(seconds, [-1]), side="right")
    return tf.reshape(flat, tf.shape(seconds))


def gaps_before(times: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The seconds between each item and the one before it, int64 `[batch, n]`; -1 if not known.

    Args:
        times: int64 `[batch, n]`, Unix seconds, oldest first; 0 or below where not known.
        mask: bool `[batch, n]`, where there is an item; what stands elsewhere is passed over.
    """
    held = tf.cast(mask, tf.int32)
    # The places of items first, in their order.
    places = tf.argsort(1 - held, axis=1, stable=True)
    before = tf.cumsum(held, axis=1, exclusive=True) - 1
    place = tf.gather(places, tf.maximum(before, 0), batch_dims=1)
    earlier = tf.gather(times, place, batch_dims=1)
    known = mask & (before >= 0) & (earlier > 0) & (times > 0)
    return tf.where(known, tf.maximum(times - earlier, 0), -1)


def ages(times: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The seconds between each item and the newest, int64 `[batch, n]`; -1 if not known.

    Args as for `gaps_before`.
    """
    known = mask & (times > 0)
    newest = tf.reduce_max(tf.where(known, times, 0), axis=1, keepdims=True)
    return tf.where(known, newest - times, -1)
