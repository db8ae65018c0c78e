"""Softmax with a mask, in float32."""

import tensorflow as tf


def masked_softmax(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis where the mask is True; all zeros if it is False everywhere.

    `tf.keras.layers.Softmax` gives uniform weights to a row without a True.

    Args:
        logits: of any float type.
        mask: bool, of a shape that broadcasts to that of the logits.

    Returns:
        float32, since float16 loses small weights and overflows at large logits.

    Example:
        >>> logits = tf.constant([[0.0, 0.0, 9.0], [1.0, 2.0, 3.0]])
        >>> mask = tf.constant([[True, True, False], [False, False, False]])
        >>> masked_softmax(logits, mask).numpy().tolist()
        [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]
    """
    logits = tf.cast(logits, tf.float32)
    # Not -inf: the softmax of a row without a True would be NaN.
    logits = tf.where(mask, logits, tf.float32.min)
    return tf.where(mask, tf.nn.softmax(logits, axis=-1), 0.0)
