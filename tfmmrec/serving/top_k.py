"""The best items for vectors, by core ops alone, with k and exclusions given row by row."""

import tensorflow as tf

# Fills the rows whose k is smaller than the widest; JSON has no minus infinity.
LOWEST = tf.float32.min


def top_items(
    scores: tf.Tensor, k: tf.Tensor, left_out: tf.Tensor, ids: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Picks the best items of each row.

    Args:
        scores: float32 `[batch, items]`.
        k: int32 `[batch]`, how many items each row wants.
        left_out: int32 `[batch, m]`, rows of items that are not to be answered; -1 is padding.
        ids: string `[items]`.

    Returns:
        ids, string `[batch, max k]`, best first, and their scores, float32 of the same shape. A
        row that wants or has fewer is filled with "" and the lowest float32.
    """
    allowed = tf.logical_not(_mark(left_out, tf.shape(scores)))
    scores = tf.where(allowed, scores, LOWEST)
    widest = tf.clip_by_value(tf.reduce_max(k), 0, tf.shape(scores)[1])
    best, rows = tf.math.top_k(scores, widest)
    wanted = tf.range(widest) < k[:, tf.newaxis]
    given = wanted & (best > LOWEST)
    return tf.where(given, tf.gather(ids, rows), ""), tf.where(given, best, LOWEST)


def _mark(rows: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Marks items in a bool `[batch, items]`; -1 marks nothing."""
    batch = tf.broadcast_to(tf.range(shape[0])[:, tf.newaxis], tf.shape(rows))
    places = tf.reshape(tf.stack([batch, rows + 1], axis=-1), [-1, 2])
    ones = tf.ones(tf.shape(places)[:1], tf.int32)
    # Column 0 takes the padding and is cut off.
    return tf.scatter_nd(places, ones, [shape[0], shape[1] + 1])[:, 1:] > 0
