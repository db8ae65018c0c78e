"""Sampled dislikes: for each row of a batch, an item that its user disliked."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories

# Keys of a batch.
DISLIKED, DISLIKED_WEIGHT = "disliked", "disliked_weight"


class DislikeSampler:
    """Draws one of the items that each user of a batch disliked.

    It is drawn with the batch, and not in the training step, so that several replicas get the
    items that one device would.

    Args:
        dislikes: the disliked items of each user, with weights above 0.
    """

    def __init__(self, dislikes: Histories):
        # With one more element, so that the gather is valid for users without dislikes.
        self._items = tf.constant(np.append(dislikes.items, -1), tf.int32)
        weights = np.ones(len(dislikes.items)) if dislikes.weights is None else dislikes.weights
        self._weights = tf.constant(np.append(weights, 0.0), tf.float32)
        self._offsets = tf.constant(dislikes.offsets, tf.int32)

    def add_to(self, batch: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Adds DISLIKED, int32 `[batch]`, -1 for none, and DISLIKED_WEIGHT, 0 for none.

        Args:
            batch: has `user`, int32 `[batch]`.
            seed: int32 `[2]`.
        """
        users = batch["user"]
        start, end = tf.gather(self._offsets, users), tf.gather(self._offsets, users + 1)
        draws = tf.random.stateless_uniform(tf.shape(users), seed)
        drawn = start + tf.cast(draws * tf.cast(end - start, tf.float32), tf.int32)
        # A draw just below 1 may be rounded up.
        drawn = tf.where(end > start, tf.minimum(drawn, end - 1), tf.size(self._items) - 1)
        return {
            **batch,
            DISLIKED: tf.gather(self._items, drawn),
            DISLIKED_WEIGHT: tf.gather(self._weights, drawn),
        }
