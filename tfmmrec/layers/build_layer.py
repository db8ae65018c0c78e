"""Building of sublayers, for the `build` of the layers that hold them."""

from typing import Any

import tensorflow as tf


def build_layer(layer: tf.keras.layers.Layer, input_shape: Any) -> None:
    """Creates the variables of a layer, if it has none yet.

    They get the layer's name as a prefix, as if the layer had been called.

    Args:
        layer: the layer.
        input_shape: shape of its first input, with None for unknown sizes.
    """
    if not layer.built:
        with tf.name_scope(layer.name):
            layer.build(input_shape)
