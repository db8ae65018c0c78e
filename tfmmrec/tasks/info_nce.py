"""InfoNCE: the contrastive loss between two sets of embeddings."""

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.tasks.losses import masked_mean
from tfmmrec.tasks.negatives.masking import MASKED


def info_nce(
    first: tf.Tensor,
    second: tf.Tensor,
    *,
    mask: tf.Tensor,
    temperature: float,
    same: tf.Tensor | None = None,
) -> tf.Tensor:
    """Symmetric InfoNCE: row i of one set is the positive of row i of the other set.

    The mean of both directions (InfoNCE: van den Oord et al. 2018, arXiv:1807.03748; both
    directions as in CLIP, Radford et al. 2021). Negatives are the rows of all replicas.

    Args:
        first: `[rows, dim]`, of length 1.
        second: `[rows, dim]`, of length 1.
        mask: bool `[rows]`, rows that are present in both sets; the others are left out.
        temperature: divisor of the cosines.
        same: bool `[rows, rows of all replicas]`, pairs that are masked out of the negatives in
            both directions, apart from each row itself (default none).

    Returns:
        A scalar; 0 where no row is present. With several replicas, each returns its part of the
        mean.

    Example:
        >>> rows = tf.constant([[1.0, 0.0], [0.0, 1.0]])
        >>> loss = info_nce(rows, rows, mask=tf.constant([True, True]), temperature=0.5)
        >>> round(float(loss), 4)  # log(1 + exp(-2))
        0.1269
    """
    present = replicas.all_gather(mask)  # [rows of all replicas]
    labels = replicas.row_offset(mask) + tf.range(tf.size(mask))
    masked = tf.logical_not(present)[tf.newaxis]
    if same is not None:
        is_positive = labels[:, tf.newaxis] == tf.range(tf.size(present))
        masked |= same & ~is_positive

    def one_direction(rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        logits = tf.matmul(rows, replicas.all_gather(others), transpose_b=True)
        logits = tf.where(masked, MASKED, tf.cast(logits, tf.float32) / temperature)
        positives = tf.gather(logits, labels, batch_dims=1)
        return masked_mean(tf.reduce_logsumexp(logits, axis=1) - positives, mask)

    return (one_direction(first, second) + one_direction(second, first)) / 2.0
