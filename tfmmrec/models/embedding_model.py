"""Embeddings of items and users: the two towers on the encoded features of the catalog."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfmmrec.distribute import replicas
from tfmmrec.encoders.finetuning import TrainableFeature, inputs_key, rows_key
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.layers.history import HistoryItems
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.layers.temperature import LearnedTemperature
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.closed_form.repeat_term import RepeatTerm
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower, Projected
from tfmmrec.models.query_tower import QueryTower


@dataclasses.dataclass(frozen=True)
class UserInputs:
    """The inputs of the query tower for a batch of users.

    Attributes:
        history: int32 `[batch, n]`, rows of the item embeddings, oldest first; -1 is padding.
        features: the encoded user features of the batch.
        users: int32 `[batch]`, rows of users, -1 for unknown ones; required by a model that
            `reads_user` (default none).
        times: int64 `[batch, n]`, times of the history in Unix seconds, 0 or less where unknown;
            required by a model that `reads_times` (default none).
    """

    history: tf.Tensor
    features: Mapping[str, Feature]
    users: tf.Tensor | None = None
    times: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class BatchEmbeddings:
    """The embeddings of a training batch.

    Attributes:
        users: `[batch, width]`, each block of length 1; `[positions, width]` with positions.
        queries: the same, divided by the temperature.
        items: `[to embed, width]`, the embeddings of the requested items.
    """

    users: tf.Tensor
    queries: tf.Tensor
    items: tf.Tensor


class ItemIndex(NamedTuple):
    """Item embeddings, with functions of them that do not depend on the query.

    Attributes:
        embeddings: float32 `[items, scored width]`, from which scores are computed: those of the
            tower, and the columns of the terms in closed form.
        unit: float32 `[items, width]`, those of the tower, each block scaled to length 1, which
            history encoders read.
        block_mask: bool `[items, blocks]`, blocks that have content.
        scorable: bool `[items]`, items with content or a known id; others have the score −inf.
    """

    embeddings: tf.Tensor
    unit: tf.Tensor
    block_mask: tf.Tensor
    scorable: tf.Tensor


class EmbeddingModel(tfrs.Model):
    """Embeds items and users with two towers; the score is the product, over a temperature.

    Args:
        item_tower: embeds items.
        query_tower: embeds users.
        items: the encoded features of the catalog.
        users: the encoded features of all users.
        counts: number of training events per item, int `[items]`.
        known_users: bool `[users]`, users with training events.
        never_chosen: bool `[items]`, items whose embeddings are scaled down, see
            `fit_never_chosen_scale` (default none).
        repeat_term: adds to the scores of the items of a history (default: nothing is added).
        temperature: initial value of the learned temperature (default 0.1).
        static_shapes: whether shapes must not depend on the contents of a batch, as XLA requires
            (default False).
        trainable_features: item features whose encoders are fine-tuned, by name (default none).
    """

    def __init__(
        self,
        item_tower: ItemTower,
        query_tower: QueryTower,
        *,
        items: FeatureTable,
        users: FeatureTable,
        counts: np.ndarray,
        known_users: np.ndarray,
        never_chosen: np.ndarray | None = None,
        repeat_term: RepeatTerm | None = None,
        temperature: float = 0.1,
        static_shapes: bool = False,
        trainable_features: Mapping[str, TrainableFeature] | None = None,
    ):
        super().__init__()
        self.item_tower = item_tower
        self.query_tower = query_tower
        self.items = items
        self.users = users
        self.known = tf.constant(counts > 0)
        self.known_users = tf.constant(known_users)
        self.never_chosen = tf.constant(
            np.zeros(len(counts), bool) if never_chosen is None else never_chosen
        )
        self.counts = tf.constant(counts, tf.float32)
        self.repeat_term = repeat_term
        self.temperature = LearnedTemperature(temperature, item_tower.fusion.num_temperatures)
        self.trainable_features = dict(trainable_features or {})
        self.static_shapes = static_shapes
        # With static shapes, `padded_unique` needs the number of items.
        self._num_items = len(counts) if static_shapes else None

    @property
    def reads_times(self) -> bool:
        """Whether histories need times."""
        return self.query_tower.reads_times

    def item_vectors(
        self,
        rows: tf.Tensor,
        *,
        feature_mask: Mapping[str, tf.Tensor] | None = None,
        ids: bool | tf.Tensor = True,
    ) -> tf.Tensor:
        """Embeds items of the catalog, `[batch, width]`.

        Args:
            rows: int32 `[batch]`.
            feature_mask: bool scalar by feature, False to treat the feature as missing (default all
                True).
            ids: whether known items have their id embeddings.
        """
        features = self.items.gather(rows)
        for name, is_kept in (feature_mask or {}).items():
            features[name] = features[name]._replace(present=features[name].present & is_kept)
        return self.fuse_items(rows, features, self.item_tower.project(features, rows), ids=ids)

    def fuse_items(
        self,
        rows: tf.Tensor,
        features: Mapping[str, Feature],
        projected: Projected,
        *,
        ids: bool | tf.Tensor = True,
    ) -> tf.Tensor:
        """Embeds items of the catalog from their projected features, `[batch, width]`.

        Args:
            rows: int32 `[batch]`.
            features: the features of the items.
            projected: the features, projected by `ItemTower.project`.
            ids: whether known items have their id embeddings.
        """
        embeddings = self._join_ids(rows, projected, training=False, ids=ids)
        terms = self.item_tower.closed_form
        if terms is not None and terms.is_fitted:
            counts = tf.where(ids, tf.gather(self.counts, rows), 0.0)
            embeddings = tf.concat([embeddings, terms.columns(rows, counts, features)], axis=1)
        if self.item_tower.regression is not None:
            embeddings = self._with_cold(rows, features, projected, embeddings)
        scales = tf.where(
            tf.gather(self.never_chosen, rows), self.item_tower.never_chosen_scale, 1.0
        )
        return embeddings * scales[:, tf.newaxis]

    def _with_cold(
        self,
        rows: tf.Tensor,
        features: Mapping[str, Feature],
        projected: Projected,
        embeddings: tf.Tensor,
    ) -> tf.Tensor:
        """Replaces the embeddings of items without training events, of the same width."""
        cold = tf.where(~tf.gather(self.known, rows))  # [cold items, 1]
        cold_features, cold_projected = tf.nest.map_structure(
            lambda values: tf.gather(values, cold[:, 0]), (features, projected)
        )
        content = self.item_tower.join(cold_projected)
        return tf.tensor_scatter_nd_update(
            embeddings, cold, self.item_tower.cold_embeddings(cold_features, content)
        )

    def _join_ids(
        self,
        rows: tf.Tensor,
        projected: Projected,
        training: bool,
        *,
        drop_ids: bool = False,
        ids: bool | tf.Tensor = True,
    ) -> tf.Tensor:
        """The second part of the item tower: fuses projected features and id embeddings."""
        known = tf.where(tf.gather(self.known, rows) & ids, rows + 1, 0)
        counts = tf.gather(self.counts, rows)
        return self.item_tower.join(projected, known, counts, training=training, drop_ids=drop_ids)

    def user_vectors(
        self,
        items: ItemIndex,
        inputs: UserInputs,
        training: bool = False,
        positions: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Embeds users, each block of length 1, `[batch, width]`.

        Args:
            items: the items that `inputs.history` refers to.
            inputs: the histories and features of the users.
            training: whether dropout is applied.
            positions: see `QueryTower`; for an embedding at each, `[positions, width]`.
        """
        history, users = inputs.history, inputs.users
        rows = tf.maximum(history, 0)
        if users is not None:
            known = (users >= 0) & tf.gather(self.known_users, tf.maximum(users, 0))
            users = tf.where(known, users, -1)
        return self.query_tower(
            HistoryItems(items.unit, rows),
            tf.gather(items.block_mask, rows)
            & (history >= 0)[..., tf.newaxis],  # [batch, n, blocks]
            inputs.features,
            users=users,
            training=training,
            positions=positions,
            times=inputs.times,
        )

    def query_vectors(self, items: ItemIndex, inputs: UserInputs) -> tf.Tensor:
        """Embeds users so that `score` returns logits: the towers' are divided by the temperature.

        Args:
            items: the items that `inputs.history` refers to.
            inputs: the histories and features of the users.

        Returns:
            `[batch, width of the items' embeddings]`.
        """
        terms = self.item_tower.closed_form
        if terms is None or items.embeddings.shape[1] == self.item_tower.width:
            return self.temperature(self.user_vectors(items, inputs))
        return terms.queries(*self._term_inputs(items, inputs))

    def term_queries(self, items: ItemIndex, inputs: UserInputs) -> tf.Tensor:
        """Embeds users for each term of the score, unweighted.

        The terms are those of fitted `ClosedFormTerms`, or else the towers alone.

        Args:
            items: as for `query_vectors`.
            inputs: as for `query_vectors`.

        Returns:
            `[batch, terms, width of the items' embeddings]`.
        """
        terms = self.item_tower.closed_form
        if terms is None:
            return self.query_vectors(items, inputs)[:, tf.newaxis]
        return terms.term_queries(*self._term_inputs(items, inputs))

    def _term_inputs(
        self, items: ItemIndex, inputs: UserInputs
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The queries of the towers, the columns of the items of each history, and their mask."""
        queries = self.temperature(self.user_vectors(items, inputs))
        rows = tf.maximum(inputs.history, 0)
        columns = tf.gather(items.embeddings, rows)[..., self.item_tower.width :]
        return queries, columns, inputs.history >= 0

    def score(self, queries: tf.Tensor, items: ItemIndex) -> tf.Tensor:
        """Scores items for queries of the same width: `[queries, items]`.

        An item with neither content nor a known id has an embedding of zeros and the score −inf.
        """
        scores = self.item_tower.fusion.score(queries, items.embeddings)
        return tf.where(items.scorable, scores, -np.inf)

    def index(self, item_vectors: tf.Tensor, *, is_joined: bool = False) -> ItemIndex:
        """Computes what queries read of item embeddings `[items, scored width]`.

        Embeddings are scaled to length 1 per item and not per position of a history, since
        histories repeat items.

        Args:
            item_vectors: the embeddings.
            is_joined: whether they come from `ItemTower.join`, which scales an embedding of one
                block already (default False).
        """
        fusion, width = self.item_tower.fusion, self.item_tower.width
        # A slice of everything would copy it, and its gradient.
        unit = item_vectors if item_vectors.shape[1] == width else item_vectors[:, :width]
        block_mask = fusion.block_mask(unit)
        if not (is_joined and fusion.num_blocks == 1):
            unit = tf.reshape(unit_length(fusion.split(unit)), [-1, unit.shape[1]])
        return ItemIndex(item_vectors, unit, block_mask, tf.reduce_any(block_mask, axis=1))

    def embed(
        self,
        batch: Mapping[str, tf.Tensor],
        rows_to_embed: tf.Tensor,
        *,
        positions: tf.Tensor | None = None,
        training: bool,
    ) -> BatchEmbeddings:
        """Embeds the users of a training batch, and candidate items.

        Each distinct item of the histories and of the candidates is projected once.

        Args:
            batch: see `TwoTower.compute_loss`.
            rows_to_embed: int32 `[to embed]`, rows of items, the same on all replicas.
            positions: of the users' embeddings, see `QueryTower` (default: one for each row).
            training: whether dropout is applied.
        """
        history = batch["history"]
        encodings = self._finetuned_encodings(batch, training)
        # Replicas embed the same candidates, each of them a part.
        num_to_embed, own_rows = tf.size(rows_to_embed), replicas.local_slice(rows_to_embed)
        row_lists = [tf.reshape(tf.maximum(history, 0), [-1]), own_rows]
        row_lists += [rows for rows, _ in encodings.values()]
        rows, indices, _ = padded_unique(tf.concat(row_lists, axis=0), self._num_items)
        in_history, to_embed, *finetuned = tf.split(indices, [tf.size(r) for r in row_lists])
        features = self.items.gather(rows)
        for (name, (_, values)), where in zip(encodings.items(), finetuned, strict=True):
            encoding = features[name].encoding
            encoding = tf.tensor_scatter_nd_update(encoding, where[:, tf.newaxis], values)
            features[name] = features[name]._replace(encoding=encoding)
        projected = self.item_tower.project(features, rows, training=training)
        users = self.user_vectors(
            # Of the distinct items.
            self.index(self._join_ids(rows, projected, training), is_joined=True),
            UserInputs(
                tf.where(history >= 0, tf.reshape(in_history, tf.shape(history)), -1),
                self.users.gather(batch["user"]),
                batch["user"],
                batch.get("history_time"),
            ),
            training=training,
            positions=positions,
        )
        # Id embeddings are dropped for candidates only: a history has known items, while the target
        # item may be cold.
        vectors, mask = projected
        candidates = (tf.gather(vectors, to_embed), tf.gather(mask, to_embed))
        items = self._join_ids(own_rows, candidates, training, drop_ids=training)
        return BatchEmbeddings(
            users, self.temperature(users), replicas.all_gather(items)[:num_to_embed]
        )

    def embed_pairs(
        self, batch: Mapping[str, tf.Tensor], *, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Embeds the user and the item of each row of a batch, `[batch, width]` each.

        Args:
            batch: see `TwoTower.compute_loss`; `item` is `[batch]`.
            training: whether dropout is applied.
        """
        item = batch["item"]
        # All replicas embed the same items.
        rows, positions, _ = padded_unique(replicas.all_gather(item), self._num_items)
        embeddings = self.embed(batch, rows, training=training)
        own = replicas.row_offset(item) + tf.range(tf.size(item))
        return embeddings.users, tf.gather(embeddings.items, tf.gather(positions, own))

    def _finetuned_encodings(
        self, batch: Mapping[str, tf.Tensor], training: bool
    ) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
        """Rows and encodings of the items that fine-tuned encoders encode, by feature."""
        return {
            name: replicas.unique_across_replicas(
                batch[rows_key(name)], feature(batch[inputs_key(name)], training)
            )
            for name, feature in self.trainable_features.items()
            if rows_key(name) in batch
        }
