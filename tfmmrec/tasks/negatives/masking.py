"""Masking: which candidates of a sampled softmax are negatives of an event.

False negatives, i.e. other positives of the same user, are masked out. Of the remaining candidates,
optionally only the hardest are kept.
"""

import tensorflow as tf

# Logit of a masked candidate. Finite, since minus infinity times zero is NaN; its exp is exactly 0.
MASKED = -1e9


def mask_logits(
    logits: tf.Tensor,
    scores: tf.Tensor,
    labels: tf.Tensor,
    *,
    false_negatives: tf.Tensor | None = None,
    num_hard_negatives: int = 0,
) -> tf.Tensor:
    """Sets the logits of candidates that are no negatives of an event to `MASKED`.

    The target items are set as well where they are masked: see `with_target`.

    Args:
        logits: `[events, candidates]`, corrected logits or log weights; `MASKED` stays.
        scores: `[events, candidates]`, uncorrected scores, by which negatives are hard.
        labels: int32 `[events]`, column of the target item.
        false_negatives: bool `[events, candidates]`, True where masked; or int32 `[pairs, 2]`, the
            positions that are masked (default none).
        num_hard_negatives: number of highest-scoring negatives to keep; 0 keeps all (default 0).
    """
    if false_negatives is not None:
        if false_negatives.dtype == tf.bool:
            logits = tf.where(false_negatives, MASKED, logits)
        else:
            masked = tf.fill(tf.shape(false_negatives)[:1], MASKED)
            logits = tf.tensor_scatter_nd_update(logits, false_negatives, masked)
    if num_hard_negatives:
        is_negative = with_target(logits > MASKED / 2, labels, tf.zeros_like(labels, tf.bool))
        is_hard = hardest_negatives(scores, is_negative, num_hard_negatives)
        logits = tf.where(is_hard, logits, MASKED)
    return logits


def hardest_negatives(scores: tf.Tensor, is_negative: tf.Tensor, num: int) -> tf.Tensor:
    """Selects the highest-scoring negatives of each event (dynamic negative sampling).

    High-scoring negatives carry most of the gradient (Zhang et al. 2013, "Optimizing top-N
    collaborative filtering via dynamic negative item sampling"). They are selected by score alone.
    With log-Q correction, the loss then estimates the sum over all items that score at least as
    high as the lowest selected negative. `tfrs.layers.loss.HardNegativeMining` keeps a fixed number
    of columns and ranks masked candidates along with negatives; this function returns a mask.

    Args:
        scores: `[events, candidates]`, before log-Q correction.
        is_negative: bool `[events, candidates]`.
        num: number of negatives per event, at least 1; all where an event has fewer. Ties with the
            last one are selected as well.

    Returns:
        bool `[events, candidates]`.

    Example:
        >>> scores, is_negative = tf.constant([[3.0, 1.0, 2.0]]), tf.constant([[False, True, True]])
        >>> hardest_negatives(scores, is_negative, 1).numpy()
        array([[False, False,  True]])
    """
    scores = tf.where(is_negative, tf.cast(scores, tf.float32), tf.float32.min)
    # XLA needs a static k.
    size = tf.shape(scores)[1] if scores.shape[1] is None else scores.shape[1]
    most = tf.minimum(num, size) if tf.is_tensor(size) else min(num, size)
    lowest = tf.math.top_k(scores, most, sorted=True).values[:, -1:]
    return is_negative & (scores >= lowest)


def with_target(values: tf.Tensor, labels: tf.Tensor, target_values: tf.Tensor) -> tf.Tensor:
    """Replaces the value of each event's target item, `[events, candidates]`.

    Args:
        values: `[events, candidates]`.
        labels: int32 `[events]`, column of the target item.
        target_values: `[events]`.
    """
    positions = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
    return tf.tensor_scatter_nd_update(values, positions, target_values)
