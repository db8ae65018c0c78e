"""Readers of a user's history."""

import abc
from typing import Any

import tensorflow as tf

from tfmmrec.checks import check_count
from tfmmrec.registry import Registry


class Reader(tf.keras.layers.Layer):
    """A layer `(history [batch, n, dim], mask [batch, n]) -> [batch, dim]`.

    Histories are item vectors, oldest first; the mask says where there are any. What stands
    elsewhere must not reach the output, and the width of the padding must not matter.

    Attributes:
        at_every_place: whether a call with `every_place` says what the reader makes of each
            beginning of a history, so that all its events are trained on at once.
        reads_user: whether the user's own learned vector is added to what it gives, and tells known
            users from others, whatever their history is.

    Args:
        max_history: how many of the last items are read, at most.
    """

    at_every_place = False
    reads_user = False

    def __init__(self, *, max_history: int, **kwargs: Any):
        super().__init__(**kwargs)
        check_count("max_history", max_history, 1)
        self.max_history = max_history

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_history": self.max_history}


class CausalReader(Reader):
    """A reader whose output at a place depends on what stands up to there, and on nothing behind.

    Its answer is what it gives at the last place that holds an item; zeros where none does.
    """

    at_every_place = True

    def call(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        training: bool = False,
        every_place: bool = False,
    ) -> tf.Tensor:
        """Reads histories; with `every_place`, each beginning of them, `[batch, n, dim]`.

        What is given for a place without an item is of no meaning.
        """
        read = self.read(history, mask, training)
        if every_place:
            return read
        numbers = tf.range(1, tf.shape(mask)[1] + 1)
        last = tf.reduce_max(tf.where(mask, numbers, 0), axis=1)
        found = tf.gather(read, tf.maximum(last - 1, 0), batch_dims=1)
        return tf.where(last[:, tf.newaxis] > 0, found, 0.0)

    @abc.abstractmethod
    def read(self, history: tf.Tensor, mask: tf.Tensor, training: bool) -> tf.Tensor:
        """Reads every beginning of a history, `[batch, n, dim]`."""


READERS: Registry[Reader] = Registry("query")

# The name that leaves it to the data which of them reads best.
AUTO = "auto"
