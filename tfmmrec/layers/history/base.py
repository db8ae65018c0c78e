"""Readers of a user's history."""

import abc
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count
from tfmmrec.config.registry import Registry
from tfmmrec.layers.history.time_gaps import NUM_BUCKETS, gap_buckets, gaps_before


class HistoryEncoder(tf.keras.layers.Layer):
    """A layer `(history [batch, n, dim], mask [batch, n]) -> [batch, dim]`.

    Histories are item vectors, oldest first; the mask says where there are any. What stands
    elsewhere must not reach the output, and the width of the padding must not matter.

    Attributes:
        at_every_place: whether a call with `return_sequences` says what the reader makes of each
            beginning of a history, so that all its events are trained on at once.
        reads_user: whether the user's own learned vector is added to what it gives, and tells known
            users from others, whatever their history is.
        time_intervals: whether a call needs `times`, int64 `[batch, n]`, when each item was chosen
            in Unix seconds, 0 or below where that is not known.

    Args:
        max_history: how many of the last items are read, at most.
    """

    is_causal = False
    reads_user = False
    time_intervals = False

    def __init__(self, *, max_history: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_history = max_history

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """Raises ValueError where an option has a bad value.

        `Registry.parse` calls it before anything is encoded or built.

        Args:
            **options: the keyword arguments of `__init__`.
        """
        check_count("max_history", options["max_history"], 1)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws the options of this reader for one trial of a search.

        Args:
            hp: the trial's hyperparameters; their names are keys of the training file, with the
                kind in them, `query.KIND.OPTION`.
        """
        del hp
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_history": self.max_history}


class CausalHistoryEncoder(HistoryEncoder):
    """A reader whose output at a place depends on what stands up to there, and on nothing behind.

    Its answer is what it gives at the last place that holds an item; zeros where none does.

    Args:
        max_history: how many of the last items are read, at most.
        time_intervals: whether to each item is added a learned vector of how long after the item
            before it it was chosen; zeros at first (default no).
    """

    is_causal = True

    def __init__(self, *, max_history: int, time_intervals: bool = False, **kwargs: Any):
        super().__init__(max_history=max_history, **kwargs)
        self.time_intervals = time_intervals

    @classmethod
    def check_options(cls, **options: Any) -> None:
        super().check_options(**options)
        check_bool("time_intervals", options["time_intervals"])

    def build(self, input_shape: Any) -> None:
        if self.time_intervals:
            self.gap_vectors = self.add_weight(
                name="gap_vectors", shape=[NUM_BUCKETS, int(input_shape[-1])], initializer="zeros"
            )
        super().build(input_shape)

    def call(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        training: bool = False,
        return_sequences: bool = False,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Reads histories; with `return_sequences`, each beginning of them, `[batch, n, dim]`.

        What is given for a place without an item is of no meaning.
        """
        # Items come with length 1, which would hardly move gates, and would drown in the positions
        # that blocks add up.
        tokens = tf.where(mask[..., tf.newaxis], history, 0.0) * history.shape[-1] ** 0.5
        if self.time_intervals:
            buckets = gap_buckets(gaps_before(times, mask))
            tokens += tf.gather(tf.cast(self.gap_vectors, tokens.dtype), buckets)
        read = self.read(tokens, mask, training)
        if return_sequences:
            return read
        numbers = tf.range(1, tf.shape(mask)[1] + 1)
        last = tf.reduce_max(tf.where(mask, numbers, 0), axis=1)
        found = tf.gather(read, tf.maximum(last - 1, 0), batch_dims=1)
        return tf.where(last[:, tf.newaxis] > 0, found, 0.0)

    @abc.abstractmethod
    def read(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Reads every beginning of a history, `[batch, n, dim]`.

        Args:
            tokens: the items with a length of about the root of dim, `[batch, n, dim]`.
            mask: bool `[batch, n]`, where there is an item.
            training: whether units are dropped.
        """

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "time_intervals": self.time_intervals}


HISTORY_ENCODERS: Registry[HistoryEncoder] = Registry("query")
