"""Items that a user did not choose, drawn by chance, for logs that tell of choices only."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories

# Who chose half of the items is given one of their own once in a million draws.
_TRIES = 20


class NonClickSampler:
    """Draws one item a user, each that they did not choose as likely as the other.

    A user who chose nearly everything may be given an item of their own after all.

    Args:
        histories: what each user chose.
        items: int `[n]`, the rows of the items that may be drawn.
        num_items: rows of the catalogue.
    """

    def __init__(self, histories: Histories, items: np.ndarray, num_items: int):
        users = np.repeat(np.arange(len(histories.offsets) - 1), np.diff(histories.offsets))
        pairs = np.unique(users.astype(np.int64) * num_items + histories.items)
        # One past all pairs, so that a search always ends at one.
        self._pairs = tf.constant(np.append(pairs, np.iinfo(np.int64).max))
        self._items = tf.constant(items, tf.int32)
        self._num_items = num_items

    def draw(self, users: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws an item for each user.

        Args:
            users: int32 `[batch]`, rows of users.
            seed: int32 `[2]`.

        Returns:
            int32 `[batch]`, rows of items.
        """
        shape = [tf.size(users), _TRIES]
        draws = tf.random.stateless_uniform(
            shape, seed, maxval=tf.size(self._items), dtype=tf.int32
        )
        items = tf.gather(self._items, draws)
        pairs = tf.cast(users, tf.int64)[:, tf.newaxis] * self._num_items + tf.cast(items, tf.int64)
        flat = tf.reshape(pairs, [-1])
        found = tf.gather(self._pairs, tf.searchsorted(self._pairs, flat)) == flat
        # The first of the tries that is not theirs; of none, argmax gives the first.
        free = tf.cast(~tf.reshape(found, shape), tf.int32)
        return tf.gather(items, tf.argmax(free, axis=1), batch_dims=1)
