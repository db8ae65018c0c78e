"""Weights that are fitted in closed form, and not trained."""

from collections.abc import Sequence

import tensorflow as tf


def add_fitted_weight(
    layer: tf.keras.layers.Layer,
    name: str,
    shape: Sequence[int],
    initializer: str | tf.keras.initializers.Initializer = "zeros",
) -> tf.Variable:
    """Adds a weight without gradient to a layer.

    It is float32 in mixed precision: what is fitted are differences of nearly equal numbers.

    Args:
        layer: the layer.
        name: of the weight.
        shape: of the weight.
        initializer: of the value before it is fitted (default zeros).
    """
    return layer.add_weight(
        name=name,
        shape=shape,
        initializer=initializer,
        trainable=False,
        experimental_autocast=False,
        dtype=tf.float32,
    )
