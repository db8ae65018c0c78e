"""The user by id alone."""

from typing import Any

import tensorflow as tf

from tfmmrec.layers.history.base import HISTORY_ENCODERS, HistoryEncoder


@HISTORY_ENCODERS.register("id")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class UserIdEncoder(HistoryEncoder):
    """Reads nothing: the user is a learned vector of their own, which the query tower holds.

    With ids alone on the side of the items this is matrix factorisation. Users that training has
    not met are taken for nobody in particular, and a new click changes nothing; the other readers
    have neither flaw.

    Args:
        max_history: of no meaning but to callers, who ask any reader (default 1).
    """

    reads_user = True

    def __init__(self, *, max_history: int = 1, **kwargs: Any):
        super().__init__(max_history=max_history, **kwargs)
        self.check_options(max_history=max_history)

    def call(self, history: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        del mask, training
        return tf.zeros_like(history[:, 0])
