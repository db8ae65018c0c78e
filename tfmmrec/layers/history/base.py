"""History encoders: an embedding of a user from the items of the user's history."""

import abc
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count
from tfmmrec.config.registry import Registry
from tfmmrec.layers.history.time_intervals import (
    NUM_BUCKETS,
    interval_buckets,
    previous_intervals,
)

if TYPE_CHECKING:
    import keras_tuner


class HistoryItems(NamedTuple):
    """The items of histories before they are gathered; a batch of histories repeats its items.

    Attributes:
        embeddings: of distinct items, `[items, dim]`.
        rows: int32 `[batch, n]`, the position of each item of a history among them; any where the
            mask is False.
    """

    embeddings: tf.Tensor
    rows: tf.Tensor

    def gather(self) -> tf.Tensor:
        """Returns the embeddings of the items of each history, `[batch, n, dim]`."""
        return tf.gather(self.embeddings, self.rows)

    def total(self, mask: tf.Tensor) -> tf.Tensor:
        """Sums the embeddings of each history, `[batch, dim]`, without gathering them first.

        Args:
            mask: bool `[batch, n]`, True at items.
        """
        num_users, length = tf.unstack(tf.shape(mask))
        positions = tf.cast(tf.where(tf.reshape(mask, [-1]))[:, 0], tf.int32)  # [events]
        rows = tf.gather(tf.reshape(self.rows, [-1]), positions)
        # With one more item in a sum that is not returned: without any item, the gradient of
        # segment_sum is what the memory happens to hold.
        totals = tf.sparse.segment_sum(
            self.embeddings,
            tf.pad(rows, [[0, 1]]),
            tf.concat([positions // length, [num_users]], axis=0),
            num_segments=num_users + 1,
        )
        return totals[:-1]


class HistoryEncoder(tf.keras.layers.Layer):
    """A layer `(history [batch, n, dim], mask [batch, n]) -> [batch, dim]`.

    A history consists of item embeddings, oldest first; the mask is True at items and False at
    padding. Values at padding must not affect the output, nor may the number or the position of
    padding.

    Args:
        max_history: the maximum number of latest items that are read.

    Attributes:
        is_causal: whether the order of the items matters, so that training reads no event after
            the one to predict (default False).
        has_prefixes: whether a call takes `positions`, so that all events of a window are training
            examples at once (default False).
        reads_user: whether a learned embedding of the user is added to the output (default False).
        time_intervals: whether a call needs `times`, int64 `[batch, n]`: the times of the events in
            Unix seconds, 0 or below if unknown (default False).
        takes_items: whether a call accepts `HistoryItems` in place of the history (default False).
        summary: what the kind does, in the progress of a training (default none).
    """

    summary = ""
    takes_items = False
    is_causal = False
    has_prefixes = False
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
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws the options of this kind for one trial of a search.

        Args:
            hp: the hyperparameters of the trial, named by keys of the training file with the kind
                in between, `query.KIND.OPTION`.
        """
        del hp
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_history": self.max_history}


class CausalHistoryEncoder(HistoryEncoder):
    """A history encoder whose output at a position depends on no later position.

    The embedding of a history is the output at its last item; zeros without items.

    Args:
        max_history: the maximum number of latest items that are read.
        time_intervals: whether to add to each item a learned embedding of the time since the
            previous item, initially zeros (default False).
    """

    is_causal = True
    has_prefixes = True

    def __init__(self, *, max_history: int, time_intervals: bool = False, **kwargs: Any):
        super().__init__(max_history=max_history, **kwargs)
        self.time_intervals = time_intervals

    @classmethod
    def check_options(cls, **options: Any) -> None:
        super().check_options(**options)
        check_bool("time_intervals", options["time_intervals"])

    def build(self, input_shape: Any) -> None:
        if self.time_intervals:
            self.interval_embeddings = self.add_weight(
                name="interval_embeddings",
                shape=[NUM_BUCKETS, int(input_shape[-1])],
                initializer="zeros",
            )
        super().build(input_shape)

    def call(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        training: bool = False,
        positions: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Encodes histories.

        Args:
            history: `[batch, n, dim]`, item embeddings of length 1, oldest first.
            mask: bool `[batch, n]`, True at items.
            training: whether dropout is applied.
            positions: integers `[outputs, 2]`, rows of the batch and positions in their histories,
                of which the output is returned, `[outputs, dim]`; at padding it is undefined
                (default: that of the last item of each history).
            times: int64 `[batch, n]`, needed with `time_intervals`.
        """
        # Scaled to length sqrt(dim): components of unit vectors are too small for the gates of a
        # GRU, and small compared to position embeddings.
        tokens = tf.where(mask[..., tf.newaxis], history, 0.0) * history.shape[-1] ** 0.5
        if self.time_intervals:
            buckets = interval_buckets(previous_intervals(times, mask))
            tokens += tf.gather(tf.cast(self.interval_embeddings, tokens.dtype), buckets)
        outputs = self.encode(tokens, mask, training)  # [batch, n, dim]
        if positions is not None:
            return tf.gather_nd(outputs, positions)
        numbers = tf.range(1, tf.shape(mask)[1] + 1)
        last = tf.reduce_max(tf.where(mask, numbers, 0), axis=1)  # [batch], 0 without items
        output = tf.gather(outputs, tf.maximum(last - 1, 0), batch_dims=1)
        return tf.where(last[:, tf.newaxis] > 0, output, 0.0)

    @abc.abstractmethod
    def encode(self, tokens: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Computes the output at each position, `[batch, n, dim]`.

        Args:
            tokens: the items, of a length of about sqrt(dim), `[batch, n, dim]`; 0 at padding.
            mask: bool `[batch, n]`, True at items.
            training: whether dropout is applied.
        """

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "time_intervals": self.time_intervals}


HISTORY_ENCODERS: Registry[HistoryEncoder] = Registry("query")
