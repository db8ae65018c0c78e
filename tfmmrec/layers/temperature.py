"""Learned temperature of the softmax over scores."""

from typing import Any

import numpy as np
import tensorflow as tf


@tf.keras.utils.register_keras_serializable("tfmmrec")
class LearnedTemperature(tf.keras.layers.Layer):
    """Divides query embeddings, and so their scores, by a learned temperature in [0.01, 1].

    Args:
        initial_value: the initial temperature.
        num_temperatures: 1, or the number of blocks, each with a temperature of its own (default
            1).

    Call arguments:
        queries: `[…, width]`; the width is a multiple of `num_temperatures`.

    Returns:
        `[…, width]`.

    Example:
        >>> LearnedTemperature(0.5)(tf.constant([[1.0, 2.0]])).numpy()
        array([[2., 4.]], dtype=float32)
    """

    def __init__(self, initial_value: float = 0.1, num_temperatures: int = 1, **kwargs: Any):
        # float32 with mixed precision too, as the embeddings are.
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.initial_value = initial_value
        self.num_temperatures = num_temperatures
        self.log_temperature = self.add_weight(
            name="log_temperature",
            shape=[num_temperatures],
            initializer=tf.keras.initializers.Constant(np.log(initial_value)),
        )

    @property
    def values(self) -> tf.Tensor:
        """The temperatures, float32 `[num_temperatures]`."""
        return tf.exp(tf.clip_by_value(self.log_temperature, np.log(0.01), 0.0))

    def call(self, queries: tf.Tensor) -> tf.Tensor:
        temperatures = tf.cast(self.values, queries.dtype)
        return queries / tf.repeat(temperatures, queries.shape[-1] // self.num_temperatures)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_value": self.initial_value,
            "num_temperatures": self.num_temperatures,
        }
