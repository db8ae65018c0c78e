"""Sampled non-clicks: random items without interaction, for logs that have positives only."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories

# A user who interacted with half of the items gets one of these once in a million draws.
_MAX_TRIES = 20


class NonClickSampler:
    """Samples, for each user, one item uniformly from those they did not interact with.

    By rejection sampling: a user who interacted with nearly all items may get one of these.

    Args:
        histories: the users' histories.
        items: int `[n]`, rows of the items to sample from.
        num_items: number of items of the catalog.
    """

    def __init__(self, histories: Histories, items: np.ndarray, num_items: int):
        users = np.repeat(np.arange(len(histories.offsets) - 1), np.diff(histories.offsets))
        pairs = np.unique(users.astype(np.int64) * num_items + histories.items)
        # A sentinel after all pairs, so that a binary search always finds an element.
        self._pairs = tf.constant(np.append(pairs, np.iinfo(np.int64).max))
        self._items = tf.constant(items, tf.int32)
        self._num_items = num_items

    def draw(self, users: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Samples an item for each user.

        Args:
            users: int32 `[batch]`, user rows.
            seed: int32 `[2]`.

        Returns:
            int32 `[batch]`, item rows.
        """
        shape = [tf.size(users), _MAX_TRIES]
        draws = tf.random.stateless_uniform(
            shape, seed, maxval=tf.size(self._items), dtype=tf.int32
        )
        items = tf.gather(self._items, draws)
        pairs = tf.cast(users, tf.int64)[:, tf.newaxis] * self._num_items + tf.cast(items, tf.int64)
        flat = tf.reshape(pairs, [-1])
        is_known = tf.gather(self._pairs, tf.searchsorted(self._pairs, flat)) == flat
        # The first draw without interaction; argmax gives the first draw if there is none.
        is_new = tf.cast(~tf.reshape(is_known, shape), tf.int32)
        return tf.gather(items, tf.argmax(is_new, axis=1), batch_dims=1)
