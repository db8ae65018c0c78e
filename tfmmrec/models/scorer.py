"""Vectors of all items, and of users as of what they have done so far."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.ranking import outcome_values, ranking_scores
from tfmmrec.models.two_tower import TwoTower


class Scorer:
    """Scores the whole catalogue for users, with a model as it is now.

    Args:
        model: the trained towers.
        batch_size: users or items a step.
    """

    def __init__(self, model: TwoTower, *, batch_size: int = 512):
        self.max_history = max_history = model.query_tower.max_history
        self.batch_size = batch_size
        self._num_items = model.counts.shape[0]
        self.scores_by_product = model.scores_by_product
        self._reads_times = model.reads_times
        self._item_vectors = tf.function(
            model.item_vectors, input_signature=[tf.TensorSpec([None], tf.int32)]
        )
        vectors = tf.TensorSpec([None, model.item_tower.width], tf.float32)
        rows = tf.TensorSpec([None], tf.int32)
        history = tf.TensorSpec([None, max_history], tf.int32)
        past = [history, tf.TensorSpec(history.shape, tf.int64)] if self._reads_times else [history]

        def inputs_of(
            users: tf.Tensor, history: tf.Tensor, times: tf.Tensor | None = None
        ) -> UserInputs:
            return UserInputs(history, model.users.gather(users), users, times)

        self._rank = tf.function(
            lambda vectors, users, *past: ranking_scores(model, vectors, inputs_of(users, *past)),
            input_signature=[vectors, rows, *past],
        )
        self._queries = tf.function(
            lambda vectors, users, *past: model.query_vectors(vectors, inputs_of(users, *past)),
            input_signature=[vectors, rows, *past],
        )
        self._outcomes = tf.function(
            lambda vectors, users, items, *past: outcome_values(
                model, vectors, inputs_of(users, *past), items
            ),
            input_signature=[vectors, rows, rows, *past],
        )

    def item_vectors(self) -> np.ndarray:
        """Returns the vectors of all items, float32 `[items, width]`."""
        rows = np.arange(self._num_items, dtype=np.int32)
        return in_batches(self._item_vectors, rows, self.batch_size)

    def queries(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The vectors of users whose products with item vectors are the scores.

        Only where `scores_by_product`.

        Args:
            item_vectors: float32 `[items, width]`.
            histories: what every user chose so far, and when, if the model `reads_times`.
            users: rows of users, in any order.

        Yields:
            (rows of users `[batch]`, vectors `[batch, width]`).
        """
        vectors = tf.constant(item_vectors)
        for start in range(0, len(users), self.batch_size):
            batch = users[start : start + self.batch_size]
            past = self._past(histories, batch)
            yield batch, self._queries(vectors, batch.astype(np.int32), *past).numpy()

    def scores(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Scores all items for some users.

        Args as for `queries`.

        Yields:
            (rows of users `[batch]`, scores float32 `[batch, items]`).
        """
        vectors = tf.constant(item_vectors)
        for start in range(0, len(users), self.batch_size):
            batch = users[start : start + self.batch_size]
            past = self._past(histories, batch)
            yield batch, self._rank(vectors, batch.astype(np.int32), *past).numpy()

    def outcomes(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray, items: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Predicts what comes of users and items, pair by pair.

        Args:
            item_vectors: float32 `[items, width]`.
            histories: what every user chose so far, and when, if the model `reads_times`.
            users: rows of users, `[pairs]`.
            items: rows of items, `[pairs]`.

        Returns:
            float32 `[pairs]`, by what is predicted.
        """
        vectors = tf.constant(item_vectors)
        batches = []
        for start in range(0, len(users), self.batch_size):
            of, with_what = (
                rows[start : start + self.batch_size].astype(np.int32) for rows in (users, items)
            )
            past = self._past(histories, of)
            batches.append(self._outcomes(vectors, of, with_what, *past))
        names = batches[0] if batches else ()
        return {name: np.concatenate([batch[name].numpy() for batch in batches]) for name in names}

    def _past(self, histories: Histories, users: np.ndarray) -> list[np.ndarray]:
        """What users chose last and, where the model reads it, when."""
        past = [histories.last(users, self.max_history)]
        if self._reads_times:
            past.append(histories.last_times(users, self.max_history))
        return past


def in_batches(
    vectors: Callable[[np.ndarray], tf.Tensor], rows: np.ndarray, batch_size: int = 512
) -> np.ndarray:
    """The vectors of rows, one at least, worked out some at a time, `[rows, width]`."""
    starts = range(0, len(rows), batch_size)
    return np.concatenate([vectors(rows[at : at + batch_size]).numpy() for at in starts])
