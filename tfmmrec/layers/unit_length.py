"""L2 normalization along the last axis, safe for zero vectors."""

import tensorflow as tf


def unit_length(vectors: tf.Tensor) -> tf.Tensor:
    """Scales vectors to length 1 along the last axis; a zero vector stays zero.

    The gradient of a zero vector is 0; that of `tf.math.l2_normalize` would be 1 / epsilon, which
    overflows float16.

    Args:
        vectors: of any float type and shape.

    Example:
        >>> unit_length(tf.constant([[3.0, 4.0], [0.0, 0.0]])).numpy()
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """
    # In float32, since the epsilon underflows float16.
    exact = tf.cast(vectors, tf.float32)
    nonzero = tf.reduce_any(exact != 0.0, axis=-1, keepdims=True)
    unit = tf.math.l2_normalize(tf.where(nonzero, exact, 1.0), axis=-1, epsilon=1e-12)
    return tf.cast(tf.where(nonzero, unit, 0.0), vectors.dtype)
