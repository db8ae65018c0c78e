"""Scorer: embeddings of all items, and scores of the catalog for users in batches."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.models.catalog_embeddings import in_batches
from tfmmrec.models.embedding_model import ItemIndex, UserInputs
from tfmmrec.models.item_blocks import AddedScores
from tfmmrec.models.ranking import outcome_values, ranking_scores
from tfmmrec.models.two_tower import TwoTower


class Scorer:
    """Scores the catalog for users, with the current weights of a model.

    Args:
        model: the model.
        batch_size: users or items per batch (default 512).

    Attributes:
        max_history: the maximum number of latest items of a history that are read.
        scores_by_product: whether the scores are dot products of queries and item embeddings, with
            `added_scores` for the items of a history.
    """

    def __init__(self, model: TwoTower, *, batch_size: int = 512):
        self.max_history = max_history = model.query_tower.max_history
        self.batch_size = batch_size
        self.scores_by_product = model.scores_by_product
        self._num_items = model.counts.shape[0]
        self._reads_times = model.reads_times
        tower = model.item_tower

        # No Python branch depends on a tensor; to convert the code of a model takes seconds.
        def trace(function: Callable[..., Any], signature: Sequence[Any]) -> Any:
            return tf.function(function, input_signature=signature, autograph=False)

        rows = tf.TensorSpec([None], tf.int32)
        embeddings = tf.TensorSpec([None, tower.scored_width], tf.float32)
        items = ItemIndex(
            embeddings,
            tf.TensorSpec([None, tower.width], tf.float32),
            tf.TensorSpec([None, tower.fusion.num_blocks], tf.bool),
            tf.TensorSpec([None], tf.bool),
        )
        history = [tf.TensorSpec([None, max_history], tf.int32)]
        if self._reads_times:
            history.append(tf.TensorSpec([None, max_history], tf.int64))

        def inputs_of(
            users: tf.Tensor, history: tf.Tensor, times: tf.Tensor | None = None
        ) -> UserInputs:
            return UserInputs(history, model.users.gather(users), users, times)

        self._model, self._inputs_of = model, inputs_of
        self._item_vectors = trace(model.item_vectors, [rows])
        self._index = trace(model.index, [embeddings])
        self._scores = trace(
            lambda items, users, *history: ranking_scores(model, items, inputs_of(users, *history)),
            [items, rows, *history],
        )
        self._queries = trace(
            lambda items, users, *history: model.query_vectors(items, inputs_of(users, *history)),
            [items, rows, *history],
        )
        self._added = None
        if model.repeat_term is not None:
            self._added = trace(model.repeat_term.added, history[:1])
        self._outcomes = trace(
            lambda items, users, item_rows, *history: outcome_values(
                model, items, inputs_of(users, *history), item_rows
            ),
            [items, rows, rows, *history],
        )

    def item_vectors(self) -> np.ndarray:
        """Returns the embeddings of all items, float32 `[items, width]`."""
        rows = np.arange(self._num_items, dtype=np.int32)
        return in_batches(self._item_vectors, rows, self.batch_size)

    def queries(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Embeds users, so that dot products with item embeddings are the scores.

        Only for models with `scores_by_product`.

        Args:
            item_vectors: embeddings of all items, float32 `[items, width]`.
            histories: the history of every user, with times if the model `reads_times`.
            users: rows of users, in any order.

        Yields:
            Rows of users `[batch]`, and query embeddings `[batch, width]`.
        """
        items = self._index(item_vectors)
        for batch in self._batches(users):
            history = self._history(histories, batch)
            yield batch, self._queries(items, batch.astype(np.int32), *history).numpy()

    def added_scores(self, histories: Histories, users: np.ndarray) -> AddedScores:
        """What is added to the dot products of `queries`: something for items of a history.

        Args:
            histories: as for `queries`.
            users: as for `queries`; the rows of the result are indices of it.
        """
        if self._added is None:
            return AddedScores.none()
        items = histories.last(users, self.max_history)
        values = [self._added(items[batch]) for batch in self._batches(np.arange(len(users)))]
        return AddedScores.of(items, np.concatenate(values))

    def term_queries(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray
    ) -> np.ndarray:
        """Embeds users for each term of the score, see `EmbeddingModel.term_queries`.

        Args:
            item_vectors: as for `queries`.
            histories: as for `queries`.
            users: as for `queries`.

        Returns:
            float32 `[users, terms, width]`.
        """
        items, found = self._index(item_vectors), []
        for batch in self._batches(users):
            history = self._history(histories, batch)
            # Not traced, which would take longer than the few batches that are needed once.
            inputs = self._inputs_of(batch.astype(np.int32), *map(tf.constant, history))
            found.append(self._model.term_queries(items, inputs).numpy())
        return np.concatenate(found)

    def scores(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Scores all items for users.

        Args:
            item_vectors: as for `queries`.
            histories: as for `queries`.
            users: as for `queries`.

        Yields:
            Rows of users `[batch]`, and scores, float32 `[batch, items]`.
        """
        items = self._index(item_vectors)
        for batch in self._batches(users):
            history = self._history(histories, batch)
            yield batch, self._scores(items, batch.astype(np.int32), *history).numpy()

    def outcomes(
        self, item_vectors: np.ndarray, histories: Histories, users: np.ndarray, items: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Predicts ratings and clicks of pairs of a user and an item.

        Args:
            item_vectors: as for `queries`.
            histories: as for `queries`.
            users: rows of users, `[pairs]`.
            items: rows of items, `[pairs]`.

        Returns:
            float32 `[pairs]` by name, `rating` or `click`.
        """
        index = self._index(item_vectors)
        predictions = []
        for pairs in self._batches(np.arange(len(users))):
            batch = users[pairs]
            history = self._history(histories, batch)
            predictions.append(
                self._outcomes(
                    index, batch.astype(np.int32), items[pairs].astype(np.int32), *history
                )
            )
        names = predictions[0] if predictions else ()
        return {
            name: np.concatenate([batch[name].numpy() for batch in predictions]) for name in names
        }

    def _batches(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(rows), self.batch_size):
            yield rows[start : start + self.batch_size]

    def _history(self, histories: Histories, users: np.ndarray) -> list[np.ndarray]:
        """The latest items of users and, if the model reads them, their times."""
        history = [histories.last(users, self.max_history)]
        if self._reads_times:
            history.append(histories.last_times(users, self.max_history))
        return history
