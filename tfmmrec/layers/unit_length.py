"""L2 normalization along the last axis, safe for zero vectors."""

import tensorflow as tf


def unit_length(vectors: tf.Tensor) -> tf.Tensor:
    """Scales vectors to length 1 along the last axis; a zero vector stays zero.

    A zero vector has no direction to turn, and so no gradient: that of the formula would be
    1 / epsilon, which is more than float16 holds.
    """
    # In float32, since in float16 the epsilon would itself be zero.
    exact = tf.cast(vectors, tf.float32)
    here = tf.reduce_any(exact != 0.0, axis=-1, keepdims=True)
    unit = tf.math.l2_normalize(tf.where(here, exact, 1.0), axis=-1, epsilon=1e-12)
    return tf.cast(tf.where(here, unit, 0.0), vectors.dtype)
