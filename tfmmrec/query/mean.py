"""The mean of what a user chose."""

from typing import Any

import tensorflow as tf

from tfmmrec.projection import unit_length
from tfmmrec.query.base import READERS, Reader
from tfmmrec.randomness import Dropout


@READERS.register("mean")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class MeanReader(Reader):
    """Averages the item vectors of a history and turns the mean by a residual hidden layer.

    The order does not count, except that only the last items are read. The residual layer lets
    "has chosen" and "will choose" differ, which a plain mean of item vectors cannot.

    Args:
        max_history: how many of the last items are read (default 50).
        units: the width of the hidden layer (default 128).
        dropout: the share of hidden units dropped in training (default 0.1).
    """

    def __init__(
        self, *, max_history: int = 50, units: int = 128, dropout: float = 0.1, **kwargs: Any
    ):
        super().__init__(max_history=max_history, **kwargs)
        self.units = units
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        self.hidden = tf.keras.layers.Dense(self.units, "gelu")
        self.output_layer = tf.keras.layers.Dense(dim)
        self.drop = Dropout(self.dropout)
        super().build(input_shape)

    def call(self, history: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Reads histories `[batch, n, dim]` where the mask `[batch, n]` is True."""
        filled = tf.cast(mask, history.dtype)
        # As a product, the histories, which are large, are gone through once.
        total = tf.linalg.matvec(history, filled, transpose_a=True)
        mean = unit_length(total)
        return mean + self.output_layer(self.drop(self.hidden(mean), training=training))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}
