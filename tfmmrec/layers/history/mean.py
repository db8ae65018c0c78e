"""Mean history encoder: the average of the items, with a residual hidden layer."""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.gelu import gelu
from tfmmrec.layers.history.base import HISTORY_ENCODERS, HistoryEncoder, HistoryItems
from tfmmrec.layers.history.time_intervals import NUM_BUCKETS, ages, interval_buckets
from tfmmrec.layers.masked_softmax import masked_softmax
from tfmmrec.layers.unit_length import unit_length

if TYPE_CHECKING:
    import keras_tuner


@HISTORY_ENCODERS.register("mean")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class MeanHistoryEncoder(HistoryEncoder):
    """Averages the item embeddings of a history and adds a hidden layer of the average (residual).

    The order of the items has no effect. The residual layer lets the embedding of a user differ
    from that of the items in the history: the next item is not an average of earlier ones.

    Args:
        max_history: the maximum number of latest items that are read (default 50).
        units: the units of the hidden layer (default 128).
        dropout: the dropout rate of the hidden units (default 0.1).
        time_intervals: whether to learn the weight of an item in the average by its age relative to
            the newest item; weights are equal initially (default False).

    Example:
        >>> encoder = MeanHistoryEncoder()
        >>> history = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
        >>> encoder(history, mask=tf.constant([[True, False]])).shape
        TensorShape([1, 2])
    """

    summary = "histories read by their mean"
    takes_items = True

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
        # The age of an item differs from one target to the next.
        self.has_prefixes = not time_intervals

    @classmethod
    def check_options(cls, **options: Any) -> None:
        super().check_options(**options)
        check_count("units", options["units"], 1)
        check_rate("dropout", options["dropout"])
        check_bool("time_intervals", options["time_intervals"])

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        self.hidden = tf.keras.layers.Dense(self.units, gelu)
        self.output_layer = tf.keras.layers.Dense(dim)
        self.drop = Dropout(self.dropout)
        build_layer(self.hidden, [None, dim])
        build_layer(self.output_layer, [None, self.units])
        if self.time_intervals:
            self.recency = self.add_weight(name="recency", shape=[NUM_BUCKETS], initializer="zeros")
        super().build(input_shape)

    def call(
        self,
        history: tf.Tensor | HistoryItems,
        mask: tf.Tensor,
        training: bool = False,
        positions: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Encodes histories `[batch, n, dim]` where the mask, bool `[batch, n]`, is True.

        Args:
            history: item embeddings, or the items before they are gathered.
            mask: True at items.
            training: whether dropout is applied.
            positions: integers `[outputs, 2]`, rows of the batch and positions in their histories,
                whose items up to there are encoded, `[outputs, dim]`; not with `time_intervals`
                (default: all items of each history).
            times: int64 `[batch, n]`, needed with `time_intervals`.
        """
        if positions is not None:
            totals = tf.gather_nd(_running_totals(history, mask), positions)
        else:
            totals = self._total(history, mask, times)
        mean = unit_length(totals)
        return mean + self.output_layer(self.drop(self.hidden(mean), training=training))

    def _total(
        self, history: tf.Tensor | HistoryItems, mask: tf.Tensor, times: tf.Tensor | None
    ) -> tf.Tensor:
        """The weighted sum of the items, `[batch, dim]`."""
        if isinstance(history, HistoryItems):
            if not self.time_intervals:
                return history.total(mask)
            history = history.gather()
        weights = tf.cast(mask, history.dtype)
        if self.time_intervals:
            logits = tf.gather(self.recency, interval_buckets(ages(times, mask)))
            weights = tf.cast(masked_softmax(logits, mask), history.dtype)
        # A matrix product reads the large history tensor once.
        return tf.linalg.matvec(history, weights, transpose_a=True)

    @classmethod
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws the units of the hidden layer, its dropout rate and `max_history`."""
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


def _running_totals(history: tf.Tensor | HistoryItems, mask: tf.Tensor) -> tf.Tensor:
    """The sum of the items up to each position, `[batch, n, dim]`."""
    if isinstance(history, HistoryItems):
        history = history.gather()
    length = tf.shape(mask)[1]
    is_earlier = tf.linalg.band_part(tf.ones([length, length], history.dtype), -1, 0)
    # A product with weights [batch, n, n], since tf.cumsum runs on one thread.
    return tf.matmul(is_earlier * tf.cast(mask, history.dtype)[:, tf.newaxis], history)
