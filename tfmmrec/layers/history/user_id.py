"""User-id encoder: a learned embedding per user, without a history."""

from typing import Any

import tensorflow as tf

from tfmmrec.layers.history.base import HISTORY_ENCODERS, HistoryEncoder


@HISTORY_ENCODERS.register("id")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class UserIdEncoder(HistoryEncoder):
    """Ignores the history: the query tower adds a learned embedding of the user.

    With item ids alone, this is matrix factorization. Users without training events share one
    embedding, and new interactions have no effect; the other kinds have neither limitation.

    Args:
        max_history: has no effect; for a uniform interface (default 1).
    """

    summary = "an embedding per user, without histories"

    reads_user = True

    def __init__(self, *, max_history: int = 1, **kwargs: Any):
        super().__init__(max_history=max_history, **kwargs)
        self.check_options(max_history=max_history)

    def call(self, history: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        del mask, training
        return tf.zeros_like(history[:, 0])
