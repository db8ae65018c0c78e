"""A recurrent network over what a user chose."""

from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.checks import check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.history.base import HISTORY_ENCODERS, CausalHistoryEncoder


@HISTORY_ENCODERS.register("gru")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class GruHistoryEncoder(CausalHistoryEncoder):
    """A gated recurrent unit that reads a history from the oldest item to the last.

    GRU4Rec (Hidasi et al. 2016, "Session-based recommendations with recurrent neural networks",
    arXiv:1511.06939), with the gates of Cho et al. 2014. Places without an item leave the state as
    it was.

    Args:
        max_history: how many of the last items are read (default 50).
        units: the width of the state (default 128).
        dropout: of the items and of the states that are read out, in training (default 0.3).
        time_intervals: whether it is read too how long after the item before it each was chosen
            (default no).
    """

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
        self.inward = dense(3 * self.units, name="inward")
        self.recurrent = self.add_weight(
            name="recurrent", shape=[self.units, 3 * self.units], initializer="orthogonal"
        )
        self.output_layer = dense(int(input_shape[-1]), name="output")
        self.drop = Dropout(self.dropout)
        build_layer(self.inward, input_shape)
        build_layer(self.output_layer, [None, None, self.units])
        super().build(input_shape)

    def read(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        # All places are multiplied at once; the loop holds only what needs the state before.
        gates = tf.transpose(self.inward(self.drop(tokens, training=training)), [1, 0, 2])
        here = tf.transpose(mask)[..., tf.newaxis]
        recurrent = tf.cast(self.recurrent, gates.dtype)

        def step(state: tf.Tensor, given: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            inward, present = given
            reset, update, candidate = tf.split(inward, 3, axis=1)
            own_reset, own_update, own_candidate = tf.split(tf.matmul(state, recurrent), 3, axis=1)
            reset = tf.sigmoid(reset + own_reset)
            update = tf.sigmoid(update + own_update)
            new = tf.tanh(candidate + reset * own_candidate)
            return tf.where(present, update * state + (1.0 - update) * new, state)

        start = tf.zeros([tf.shape(tokens)[0], self.units], gates.dtype)
        states = tf.transpose(tf.scan(step, (gates, here), start), [1, 0, 2])
        return self.output_layer(self.drop(states, training=training))

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws the width of the state, the dropout, and how much is read."""
        return {
            "units": hp.Choice("query.gru.units", [64, 128, 256], default=128),
            "dropout": hp.Choice("query.gru.dropout", [0.1, 0.3, 0.5], default=0.3),
            "max_history": hp.Choice("query.gru.max_history", [20, 50, 100], default=50),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}
