"""Top-k of scores with core ops, with k and excluded items per row."""

import tensorflow as tf

# The score of padding; JSON has no minus infinity.
LOWEST = tf.float32.min


def top_items(
    scores: tf.Tensor, k: tf.Tensor, excluded: tf.Tensor, ids: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Selects the k items with the highest scores in each row.

    Args:
        scores: float32 `[batch, items]`.
        k: int32 `[batch]`, the number of items per row.
        excluded: int32 `[batch, m]`, rows of items that are not selected; -1 is padding.
        ids: string `[items]`.

    Returns:
        Ids, string `[batch, max k]`, highest score first, and their scores, float32 of the same
        shape. Rows with fewer items are padded with "" and the lowest float32.
    """
    scores = tf.where(_row_mask(excluded, tf.shape(scores)), LOWEST, scores)
    max_k = tf.clip_by_value(tf.reduce_max(k), 0, tf.shape(scores)[1])
    top_scores, rows = tf.math.top_k(scores, max_k)  # [batch, max k]
    requested = tf.range(max_k) < k[:, tf.newaxis]
    valid = requested & (top_scores > LOWEST)
    return tf.where(valid, tf.gather(ids, rows), ""), tf.where(valid, top_scores, LOWEST)


def _row_mask(rows: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """A mask, bool `[batch, items]`, that is True at the given rows; -1 is padding."""
    batch = tf.broadcast_to(tf.range(shape[0])[:, tf.newaxis], tf.shape(rows))
    indices = tf.reshape(tf.stack([batch, rows + 1], axis=-1), [-1, 2])
    ones = tf.ones(tf.shape(indices)[:1], tf.int32)
    # Column 0 holds the padding and is cut off.
    return tf.scatter_nd(indices, ones, [shape[0], shape[1] + 1])[:, 1:] > 0
