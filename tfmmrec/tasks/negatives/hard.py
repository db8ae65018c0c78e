"""The negatives that score highest: of many candidates, those that are worth telling apart."""

import tensorflow as tf

# Below all scores, and finite.
_LEAST = tf.float32.min


def hardest(scores: tf.Tensor, there: tf.Tensor, num: int) -> tf.Tensor:
    """Says which candidates score highest of those that are there.

    Of the candidates that came by chance an event learns most from those that it scores high (Zhang
    et al. 2013, "Optimizing top-N collaborative filtering via dynamic negative item sampling").
    They are chosen by score alone, and what corrects for their chances is left to the loss: its sum
    then estimates that over all items that score at least as high as the last one chosen.

    Args:
        scores: `[events, candidates]`, before anything corrects them.
        there: bool `[events, candidates]`, which may be chosen.
        num: how many are, from 1; all where fewer are there. Equals of the last are chosen too.

    Returns:
        bool `[events, candidates]`.

    Example:
        >>> hardest(tf.constant([[3.0, 1.0, 2.0]]), tf.constant([[False, True, True]]), 1).numpy()
        array([[False, False,  True]])
    """
    scores = tf.where(there, tf.cast(scores, tf.float32), _LEAST)
    # XLA compiles for a number that it knows.
    size = tf.shape(scores)[1] if scores.shape[1] is None else scores.shape[1]
    most = tf.minimum(num, size) if tf.is_tensor(size) else min(num, size)
    last = tf.math.top_k(scores, most, sorted=True).values[:, -1:]
    return there & (scores >= last)
