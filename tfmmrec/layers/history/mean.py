"""The mean of what a user chose."""

from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.history.base import HISTORY_ENCODERS, HistoryEncoder
from tfmmrec.layers.history.time_gaps import NUM_BUCKETS, ages, gap_buckets
from tfmmrec.layers.masked_softmax import masked_softmax
from tfmmrec.layers.unit_length import unit_length


@HISTORY_ENCODERS.register("mean")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class MeanHistoryEncoder(HistoryEncoder):
    """Averages the item vectors of a history and turns the mean by a residual hidden layer.

    The order does not count, except that only the last items are read; with `gaps`, the time does.
    The residual layer lets "has chosen" and "will choose" differ, which a plain mean of item
    vectors cannot.

    Args:
        max_history: how many of the last items are read (default 50).
        units: the width of the hidden layer (default 128).
        dropout: the share of hidden units dropped in training (default 0.1).
        time_intervals: whether an item's weight in the mean is learned by how long before the
            newest it was chosen; all the same at first (default no).
    """

    def __init__(
        self,
        *,
        max_history: int = 50,
        units: int = 128,
        dropout: float = 0.1,
        time_intervals: bool = False,
        **kwargs: Any,
    ):
        super().__init__(max_history=max_history, **kwargs)
        self.check_options(
            max_history=max_history, units=units, dropout=dropout, time_intervals=time_intervals
        )
        self.units = units
        self.dropout = dropout
        self.time_intervals = time_intervals

    @classmethod
    def check_options(cls, **options: Any) -> None:
        super().check_options(**options)
        check_count("units", options["units"], 1)
        check_rate("dropout", options["dropout"])
        check_bool("time_intervals", options["time_intervals"])

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        self.hidden = tf.keras.layers.Dense(self.units, "gelu")
        self.output_layer = tf.keras.layers.Dense(dim)
        self.drop = Dropout(self.dropout)
        build_layer(self.hidden, [None, dim])
        build_layer(self.output_layer, [None, self.units])
        if self.time_intervals:
            self.recency = self.add_weight(name="recency", shape=[NUM_BUCKETS], initializer="zeros")
        super().build(input_shape)

    def call(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        training: bool = False,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Reads histories `[batch, n, dim]` where the mask `[batch, n]` is True."""
        weights = tf.cast(mask, history.dtype)
        if self.time_intervals:
            logits = tf.gather(self.recency, gap_buckets(ages(times, mask)))
            weights = tf.cast(masked_softmax(logits, mask), history.dtype)
        # As a product, the histories, which are large, are gone through once.
        total = tf.linalg.matvec(history, weights, transpose_a=True)
        mean = unit_length(total)
        return mean + self.output_layer(self.drop(self.hidden(mean), training=training))

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws the width of the hidden layer, its dropout, and how much is read."""
        return {
            "units": hp.Choice("query.mean.units", [64, 128, 256], default=128),
            "dropout": hp.Choice("query.mean.dropout", [0.0, 0.1, 0.3], default=0.1),
            "max_history": hp.Choice("query.mean.max_history", [20, 50, 100], default=50),
        }

    def get_config(self) -> dict[str, Any]:
        config = {
            "units": self.units,
            "dropout": self.dropout,
            "time_intervals": self.time_intervals,
        }
        return {**super().get_config(), **config}
