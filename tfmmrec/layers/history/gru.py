"""GRU history encoder (GRU4Rec)."""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.checks import check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.history.base import HISTORY_ENCODERS, CausalHistoryEncoder

if TYPE_CHECKING:
    import keras_tuner


@HISTORY_ENCODERS.register("gru")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class GruHistoryEncoder(CausalHistoryEncoder):
    """Gated recurrent unit (GRU) over a history, from the oldest item to the latest.

    GRU4Rec (Hidasi et al. 2016, "Session-based recommendations with recurrent neural networks",
    arXiv:1511.06939), with the gates of Cho et al. 2014. Padding does not change the state.

    `tf.keras.layers.GRU` computes the same function, with a redundant second bias. It is not used,
    since it traces two kernels that are selected at run time, one of which (cuDNN) requires padding
    on the right; a plain loop is the same on every device, in XLA and in the served graph.

    Args:
        max_history: the maximum number of latest items that are read (default 50).
        units: the width of the state (default 128).
        dropout: the dropout rate of the items and of the states (default 0.3).
        time_intervals: whether the time since the previous item is read (default False).

    Example:
        >>> encoder = GruHistoryEncoder(units=8)
        >>> history, mask = tf.ones([1, 3, 4]), tf.constant([[True, True, False]])
        >>> encoder(history, mask=mask).shape
        TensorShape([1, 4])
        >>> encoder(history, mask=mask, positions=tf.constant([[0, 0], [0, 1]])).shape
        TensorShape([2, 4])
    """

    summary = "histories read by a GRU"

    def __init__(
        self,
        *,
        max_history: int = 50,
        units: int = 128,
        dropout: float = 0.3,
        time_intervals: bool = False,
        **kwargs: Any,
    ):
        super().__init__(max_history=max_history, time_intervals=time_intervals, **kwargs)
        self.check_options(
            max_history=max_history, units=units, dropout=dropout, time_intervals=time_intervals
        )
        self.units = units
        self.dropout = dropout

    @classmethod
    def check_options(cls, **options: Any) -> None:
        super().check_options(**options)
        check_count("units", options["units"], 1)
        check_rate("dropout", options["dropout"])

    def build(self, input_shape: Any) -> None:
        dense = tf.keras.layers.Dense
        self.input_gates = dense(3 * self.units, name="input_gates")
        self.recurrent = self.add_weight(
            name="recurrent", shape=[self.units, 3 * self.units], initializer="orthogonal"
        )
        self.output_layer = dense(int(input_shape[-1]), name="output")
        self.drop = Dropout(self.dropout)
        build_layer(self.input_gates, input_shape)
        build_layer(self.output_layer, [None, None, self.units])
        super().build(input_shape)

    def encode(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        # All positions are multiplied at once; the loop has only what needs the previous state.
        gates = tf.transpose(self.input_gates(self.drop(tokens, training=training)), [1, 0, 2])
        is_item = tf.transpose(mask)[..., tf.newaxis]  # [n, batch, 1]
        recurrent = tf.cast(self.recurrent, gates.dtype)

        def step(state: tf.Tensor, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            input_gates, is_item = inputs
            reset, update, candidate = tf.split(input_gates, 3, axis=1)  # [batch, units] each
            state_reset, state_update, state_candidate = tf.split(
                tf.matmul(state, recurrent), 3, axis=1
            )
            reset = tf.sigmoid(reset + state_reset)
            update = tf.sigmoid(update + state_update)
            new = tf.tanh(candidate + reset * state_candidate)
            return tf.where(is_item, update * state + (1.0 - update) * new, state)

        start = tf.zeros([tf.shape(tokens)[0], self.units], gates.dtype)
        states = tf.transpose(tf.scan(step, (gates, is_item), start), [1, 0, 2])
        return self.output_layer(self.drop(states, training=training))

    @classmethod
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws the width of the state, the dropout rate and `max_history`."""
        return {
            "units": hp.Choice("query.gru.units", [64, 128, 256], default=128),
            "dropout": hp.Choice("query.gru.dropout", [0.1, 0.3, 0.5], default=0.3),
            "max_history": hp.Choice("query.gru.max_history", [20, 50, 100], default=50),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}
