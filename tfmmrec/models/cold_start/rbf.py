"""Radial basis function (RBF) kernel."""

import tensorflow as tf


def squared_distances(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Squared Euclidean distances between rows, `[rows of first, rows of second]`."""
    products = tf.matmul(first, second, transpose_b=True)
    squares = tf.reduce_sum(tf.square(first), axis=1, keepdims=True)
    return squares + tf.reduce_sum(tf.square(second), axis=1) - 2.0 * products


def rbf(squares: tf.Tensor) -> tf.Tensor:
    """`exp(−squares / 2)`, for inputs at a distance of at most 2.

    Args:
        squares: squared distances, of any shape.
    """
    return tf.exp(-0.5 * squares)
