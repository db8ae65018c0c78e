"""Softmax losses over a batch, in float32 whatever the precision of the scores."""

import tensorflow as tf

# Finite, since minus infinity times zero is not a number; exp of it is exactly 0.
_NEVER = -1e9


def member_softmax(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    *,
    items: tf.Tensor,
    log_shares: tf.Tensor,
) -> tf.Tensor:
    """In-batch softmax of one member of a late fusion, over the items that it has a word on.

    Args:
        queries: `[batch, dim]`, divided by the temperature.
        candidates: the chosen item of each row, `[batch, dim]`; zeros where the member has
            nothing to say of it. Such an item is no negative, and its row does not count.
        items: int `[batch]`, the chosen items; the same item of another row is no negative.
        log_shares: `[batch]`, the log of each item's share in batches, taken off its logit.

    Returns:
        The mean over the rows that count, a scalar; 0 without any.
    """
    told = tf.reduce_any(candidates != 0.0, axis=1)
    logits = tf.cast(tf.matmul(queries, candidates, transpose_b=True), tf.float32)
    logits -= log_shares[tf.newaxis]
    others = tf.logical_not(tf.eye(tf.shape(items)[0], dtype=tf.bool))
    same = (items[:, tf.newaxis] == items[tf.newaxis]) & others
    return cross_entropy(tf.where(same | ~told[tf.newaxis], _NEVER, logits), told)


def info_nce(
    first: tf.Tensor,
    second: tf.Tensor,
    *,
    mask: tf.Tensor,
    temperature: float,
    same: tf.Tensor | None = None,
) -> tf.Tensor:
    """Pulls each row of one set to the same row of the other, away from the other rows.

    The mean of both directions (InfoNCE: van den Oord et al. 2018, arXiv 1807.03748; both ways as
    in CLIP, Radford et al. 2021).

    Args:
        first: `[rows, dim]` of length 1.
        second: `[rows, dim]` of length 1.
        mask: bool `[rows]`, the rows that are there on both sides; the others are left out.
        temperature: what cosines are divided by.
        same: bool `[rows, rows]`, pairs that are neither pulled nor pushed; the diagonal is.

    Returns:
        A scalar; 0 where no row is there.
    """
    logits = tf.cast(tf.matmul(first, second, transpose_b=True), tf.float32) / temperature
    if same is not None:
        others = tf.logical_not(tf.eye(tf.shape(logits)[0], dtype=tf.bool))
        logits = tf.where(same & others, _NEVER, logits)
    across = cross_entropy(tf.where(mask[tf.newaxis], logits, _NEVER), mask)
    back = cross_entropy(tf.where(mask[tf.newaxis], tf.transpose(logits), _NEVER), mask)
    return (across + back) / 2.0


def cross_entropy(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean of `logsumexp(row) - diagonal` over the rows of a mask; 0 without any."""
    losses = tf.reduce_logsumexp(logits, axis=1) - tf.linalg.diag_part(logits)
    counted = tf.cast(mask, losses.dtype)
    total = tf.reduce_sum(tf.where(mask, losses, 0.0))
    return tf.math.divide_no_nan(total, tf.reduce_sum(counted))
