"""Serving model: a trained model from raw values to item ids, as a graph of core ops."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.embedding_model import ItemIndex, UserInputs
from tfmmrec.models.feature_table import encode_features
from tfmmrec.models.ranking import outcome_values, ranking_scores
from tfmmrec.serving.content_search import ContentQuery, ContentSearch
from tfmmrec.serving.top_k import LOWEST, top_items

# Inputs of a request: the id of the user, and the times of history.
USER = "user"
HISTORY_TIME = "history_time"


class ServingModel(tf.Module):
    """Recommends and searches items by raw inputs; its methods become signatures of the export.

    All methods consist of core ops, so that the same functions run here and in stock TensorFlow
    Serving. What does not depend on a request is stored in variables of the SavedModel; what only
    `search` reads is created when it is first used.

    Args:
        bundle: a trained model with its data.

    Attributes:
        item_index: the embeddings that histories are encoded from and that queries are scored
            against: variables `embeddings` and `unit` (each block of length 1), float32 `[items,
            width]`, `block_mask`, bool `[items, blocks]`, and `scorable`, bool `[items]`.
        content_search: compares queries with the content of all items.
        item_ids: string `[items]`, the ids of the items by row.
        item_rows: lookup table from item id to row; −1 for unknown ids.
        user_rows: lookup table from user id to row; None if the model does not read users.
    """

    def __init__(self, bundle: ModelBundle):
        super().__init__()
        self.model = bundle.model
        self.items = bundle.items
        self.users = bundle.users
        self.max_history = bundle.model.query_tower.max_history
        self.allows_repeats = bundle.dataset.schema.allows_repeats
        catalog = bundle.catalog()
        self.content_search = ContentSearch(bundle, catalog)
        # Variables, since a graph with large constants cannot be saved.
        item = tf.constant(np.asarray(catalog.item))
        self.item_index = ItemIndex(*map(_variable, bundle.model.index(item)))
        self.item_ids = tf.constant(bundle.dataset.item_ids)
        self.item_rows = _row_table(bundle.dataset.item_ids)
        self.user_rows = None
        if bundle.model.reads_user:
            self.user_rows = _row_table(bundle.dataset.user_ids)

    def recommend(
        self,
        history: tf.Tensor,
        exclude: tf.Tensor,
        k: tf.Tensor,
        user_features: Mapping[str, tf.Tensor],
        users: tf.Tensor | None = None,
        candidates: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Recommends items to a batch of users.

        Items of their histories are excluded, unless the data allows repeats.

        Args:
            history: string `[batch, n]`, the ids of each user's items, oldest first, padded with
                "". Ids that are not in the catalog are skipped.
            exclude: string `[batch, m]`, ids of further items to exclude, padded with "".
            k: int32 `[batch]`, the number of items per user.
            user_features: raw values by feature, as specified by `Modality.signature`.
            users: string `[batch]`, ids of users; needed if the model `reads_user`.
            candidates: bool `[items]`, the items that may be recommended (default all).
            times: int64 `[batch, n]`, the times of the events of `history` in Unix seconds, 0 or
                below if unknown; needed if the model `reads_times`.

        Returns:
            Ids, string `[batch, max k]`, and scores, float32 `[batch, max k]`, highest first.
        """
        rows = self.item_rows.lookup(history)
        user_rows = None if self.user_rows is None else self.user_rows.lookup(users)
        inputs = self._user_inputs(rows, user_features, user_rows, times)
        excluded = self.item_rows.lookup(exclude)
        if not self.allows_repeats:
            excluded = tf.concat([rows, excluded], axis=1)
        return self.recommend_encoded(inputs, excluded, k, candidates)

    def recommend_encoded(
        self,
        inputs: UserInputs,
        excluded: tf.Tensor,
        k: tf.Tensor,
        candidates: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Recommends items to a batch of users whose inputs have been encoded.

        Args:
            inputs: the users; their histories have at least one position.
            excluded: int32 `[batch, m]`, rows of the items to exclude, padded with -1.
            k: as for `recommend`.
            candidates: as for `recommend`.

        Returns:
            As `recommend`.
        """
        scores = ranking_scores(self.model, self.item_index, inputs)
        if candidates is not None:
            scores = tf.where(candidates, scores, LOWEST)
        return top_items(scores, k, excluded, self.item_ids)

    def predict(
        self,
        history: tf.Tensor,
        items: tf.Tensor,
        user_features: Mapping[str, tf.Tensor],
        users: tf.Tensor | None = None,
        times: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Predicts the rating, or the probability of a click, of each user with one item.

        Args:
            history: as for `recommend`.
            items: string `[batch]`, ids; one that is not in the catalog is an item without content.
            user_features: as for `recommend`.
            users: as for `recommend`.
            times: as for `recommend`.

        Returns:
            float32 `[batch]` by name, `rating` or `click`.

        Raises:
            ValueError: the model has no rating or click task.
        """
        item_rows = self.item_rows.lookup(items)
        unknown = tf.fill(tf.shape(item_rows), -1)
        user_rows = unknown if self.user_rows is None else self.user_rows.lookup(users)
        inputs = self._user_inputs(self.item_rows.lookup(history), user_features, user_rows, times)
        return outcome_values(self.model, self.item_index, inputs, item_rows)

    def encode_items(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Computes the embeddings of cold-start items from their raw content.

        Args:
            features: raw values by feature, as specified by `Modality.signature`: text as UTF-8,
                images as the bytes of JPEG, PNG, GIF or BMP files, audio as 16-bit PCM WAV files.

        Returns:
            float32 `[batch, width]`, comparable to `item_index.embeddings`; zeros without content.
        """
        return self.model.item_tower.cold_embeddings(encode_features(self.items, features))

    def search(
        self, features: Mapping[str, tf.Tensor], k: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the items whose content is most similar to a query.

        `ContentSearch` says what the scores are.

        Args:
            features: raw values by feature, as for `encode_items`.
            k: int32 `[batch]`, the number of items per query.

        Returns:
            As `recommend`.
        """
        encoded = encode_features(self.items, features)
        return self.search_encoded(self.content_search.query(encoded, features), k)

    def search_encoded(
        self, query: ContentQuery, k: tf.Tensor, excluded: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the items whose content is most similar to encoded queries, as `search` does.

        Args:
            query: the encoded queries.
            k: int32 `[batch]`, the number of items per query.
            excluded: int32 `[batch, m]`, rows of items to leave out, -1 for none (default none).

        Returns:
            Ids and scores, as `top_items`.
        """
        if excluded is None:
            excluded = tf.fill([tf.shape(k)[0], 1], -1)
        return top_items(self.content_search.scores(query), k, excluded, self.item_ids)

    def resources(self) -> dict[str, Any]:
        """Returns all variables, tables and files of the functions, to save them along."""
        model = self.model
        encoders = [*self.items.encoders.values(), *self.users.encoders.values()]
        return {
            "weights": [
                *model.item_tower.variables,
                *model.query_tower.variables,
                *([] if model.repeat_term is None else model.repeat_term.variables),
                model.temperature.variables,
                *(head.variables for head in model.heads),
            ],
            "item_index": self.item_index._asdict(),
            "search": self.content_search.resources(),
            "item_rows": self.item_rows,
            "user_rows": self.user_rows,
            "encoders": [encoder.resources() for encoder in encoders],
        }

    def _user_inputs(
        self,
        rows: tf.Tensor,
        features: Mapping[str, tf.Tensor],
        users: tf.Tensor | None,
        times: tf.Tensor | None,
    ) -> UserInputs:
        """Encodes the inputs of users; `rows` are those of their histories, −1 for unknown ids."""
        return UserInputs(
            self._latest_known(rows, rows, -1),
            encode_features(self.users, features),
            users,
            None if times is None else self._latest_times(rows, times),
        )

    def _latest_known(self, rows: tf.Tensor, values: tf.Tensor, padding: int) -> tf.Tensor:
        """The values of the latest known items of each history, at most `max_history`."""
        known = tf.ragged.boolean_mask(values, rows >= 0)[:, -self.max_history :]
        latest = known.to_tensor(default_value=padding)  # [batch, n]
        # At least one position, so that history encoders need not handle a length of 0.
        missing = tf.cast(tf.equal(tf.shape(latest)[1], 0), tf.int32)
        return tf.pad(latest, [[0, 0], [0, missing]], constant_values=padding)

    def _latest_times(self, rows: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        """The times of the latest known items; there must be as many times as ids."""
        rule = f"{HISTORY_TIME} needs a time for each id of history, 0 where it is not known"
        same_shape = tf.reduce_all(tf.shape(times) == tf.shape(rows))
        with tf.control_dependencies([tf.debugging.Assert(same_shape, [rule])]):
            return self._latest_known(rows, tf.identity(times), 0)


def _row_table(ids: Sequence[str]) -> tf.lookup.StaticHashTable:
    rows = tf.range(len(ids), dtype=tf.int32)
    pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(ids), rows)
    return tf.lookup.StaticHashTable(pairs, default_value=-1)


def _variable(values: np.ndarray | tf.Tensor) -> tf.Variable:
    with tf.init_scope():  # The first use may be within a graph.
        return tf.Variable(values, trainable=False)
