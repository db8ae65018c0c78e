"""The softmax over what is there."""

import tensorflow as tf


def masked_softmax(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis where the mask is True; all zeros where it is True nowhere.

    Args:
        logits: of any float type.
        mask: bool, of a shape that spreads to that of the logits.

    Returns:
        float32, since in float16 small weights vanish and large logits overflow.
    """
    logits = tf.cast(logits, tf.float32)
    # Not -inf: a row without a True would have a softmax of NaN.
    logits = tf.where(mask, logits, tf.float32.min)
    return tf.where(mask, tf.nn.softmax(logits, axis=-1), 0.0)
