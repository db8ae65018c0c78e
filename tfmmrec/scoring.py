"""Vectors of all items, and of users as of what they have done so far."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfmmrec.dataset import Histories
from tfmmrec.model import TwoTower


class Scorer:
    """Scores the whole catalogue for users, with a model as it is now.

    Args:
        model: the trained towers.
        num_items: rows of the catalogue.
        max_history: how many of a user's last items are read.
        batch_size: users or items a step.
    """

    def __init__(self, model: TwoTower, *, num_items: int, max_history: int, batch_size: int = 512):
        self.max_history = max_history
        self.batch_size = batch_size
        self._num_items = num_items
        self._item_vectors = tf.function(
            model.item_vectors, input_signature=[tf.TensorSpec([None], tf.int32)]
        )
        vectors = tf.TensorSpec([None, model.item_tower.width], tf.float32)
        self._score = tf.function(model.score, input_signature=[vectors, vectors])
        self._query_vectors = tf.function(
            lambda vectors, history, users: model.query_vectors(
                vectors, history, model.users.gather(users), users
            ),
            input_signature=[
                vectors,
                tf.TensorSpec([None, max_history], tf.int32),
                tf.TensorSpec([None], tf.int32),
            ],
        )

    def item_vectors(self) -> np.ndarray:
        """Returns the vectors of all items, float32 `[items, width]`."""
        rows = np.arange(self._num_items, dtype=np.int32)
        batches = [
            self._item_vectors(rows[start : start + self.batch_size]).numpy()
            for start in range(0, self._num_items, self.batch_size)
        ]
        return np.concatenate(batches)

    def scores(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Scores all items for some users.

        Args:
            item_vectors: float32 `[items, width]`.
            histories: what every user chose so far.
            users: rows of users, in any order.

        Yields:
            (rows of users `[batch]`, scores float32 `[batch, items]`).
        """
        vectors = tf.constant(item_vectors)
        for start in range(0, len(users), self.batch_size):
            batch = users[start : start + self.batch_size]
            history = histories.last(batch, self.max_history)
            queries = self._query_vectors(vectors, history, batch.astype(np.int32))
            yield batch, self._score(queries, vectors).numpy()
