"""Item tower: an item's embedding, from its content and its id."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.cold_start import ColdStartConfig
from tfmmrec.config.registry import VariantSpec
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.feature_projections import Feature, FeatureProjections
from tfmmrec.layers.fitted_weight import add_fitted_weight
from tfmmrec.layers.fusion import Fusion
from tfmmrec.layers.gated_id_embedding import GatedIdEmbedding
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.closed_form.terms import ClosedFormTerms
from tfmmrec.models.cold_start.kernel_ridge import ColdStartRegression
from tfmmrec.models.content_vectors import ContentVectors

if TYPE_CHECKING:
    import keras_tuner

# The name of the id embedding among the names of a fusion that takes it.
ID = "id"

# Projected features of items: embeddings [batch, names, dim], and their mask, bool [batch, names].
Projected = tuple[tf.Tensor, tf.Tensor]


class ItemTower(tf.keras.layers.Layer):
    """Projects an item's features, fuses them, and adds the id embedding.

    A fusion with `takes_id` fuses the id embedding as one more feature. Otherwise the embedding is
    `content + gate(count) · id`, so that a cold-start item relies on its content, and an item with
    many training events on its id.

    Args:
        features: the item features.
        num_items: the number of items with an id embedding; 0 for no id embedding.
        dim: the width of an embedding, or of each block of it (see `Fusion`).
        fusion: the kind of fusion and its options.
        id_embedding_dropout: the probability, in training, that the id of an item with content is
            dropped (see `GatedIdEmbedding`; default 0.3).
        modality_dropout: see `FeatureProjections` (default 0.1).
        dropout: the dropout rate of the projections (default 0.1).
        units: the units of the projections' hidden layer; 0 for none (default 128).
        pool: how the features of one modality are pooled, see `FeatureProjections` (default none).
        cold_start: the cold-start regression; None for none (default None).
        num_landmarks: the number of trained items that the regression is fitted to (default 0).
        closed_form_dim: the width of the terms in closed form; 0 for none. A fusion of one block
            whose score is a product can have them (default 0).

    Raises:
        ValueError: there are neither features nor ids.
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        num_items: int,
        dim: int,
        fusion: VariantSpec[Fusion],
        id_embedding_dropout: float = 0.3,
        modality_dropout: float = 0.1,
        dropout: float = 0.1,
        units: int = 128,
        pool: str = "none",
        cold_start: ColdStartConfig | None = None,
        num_landmarks: int = 0,
        closed_form_dim: int = 0,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        if not features and not num_items:
            raise ValueError("An item tower needs features, ids or both. Received: neither")
        self.dim = dim
        self.projections = self.id_embedding = None
        self.fuses_id = bool(num_items) and fusion.variant.takes_id
        if features:
            self.projections = FeatureProjections(
                features,
                dim,
                modality_dropout=modality_dropout,
                dropout=dropout,
                units=units,
                pool=pool,
            )
        names = list(self.projections.names) if self.projections is not None else []
        if self.fuses_id:
            if ID in names:
                raise ValueError(f"a feature must not be called {ID!r} where the id is fused")
            names.append(ID)
        if num_items:
            self.id_embedding = GatedIdEmbedding(num_items, dim, dropout=id_embedding_dropout)
        self.fusion = fusion.create(names=names)
        self.contents = ContentVectors(features) if features and num_landmarks else None
        self.closed_form = self.regression = None
        if closed_form_dim and self.fusion.num_blocks == 1 and self.fusion.scores_by_product:
            self.closed_form = ClosedFormTerms(num_items, closed_form_dim, self.contents)
        if cold_start is not None:
            self.regression = self._create_regression(cold_start, num_landmarks)
        # See `fit_never_chosen_scale`.
        self.never_chosen_scale = add_fitted_weight(self, "never_chosen_scale", [], "ones")

    def _create_regression(
        self, cold_start: ColdStartConfig, num_landmarks: int
    ) -> ColdStartRegression | None:
        """The regression of what the tower and the terms in closed form have of trained items."""
        if self.contents is None:
            return None
        beside = 0 if self.closed_form is None else self.closed_form.dim + 1
        return ColdStartRegression(
            self.contents,
            width=self.width + beside,
            num_landmarks=num_landmarks,
            weight=cold_start.fixed_weight,
            ridge_alpha=cold_start.fixed_ridge_alpha,
        )

    def build(self, input_shape: Any) -> None:
        if self.projections is not None:
            build_layer(self.projections, None)
        if self.id_embedding is not None:
            build_layer(self.id_embedding, [None])
        if self.fusion.names:
            build_layer(self.fusion, [None, len(self.fusion.names), self.dim])
        super().build(input_shape)

    @classmethod
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws widths and dropout rates for one trial, by the keys of the training file."""
        return {
            "dim": hp.Choice("dim", [32, 64, 128], default=64),
            "projection_units": hp.Choice("projection_units", [0, 64, 128, 256], default=128),
            "pca_dim": hp.Choice("pca_dim", [0, 32, 64, 128, 256], default=256),
            "id_embedding_dropout": hp.Choice(
                "id_embedding_dropout", [0.0, 0.1, 0.3, 0.5], default=0.3
            ),
            "modality_dropout": hp.Choice("modality_dropout", [0.0, 0.1, 0.3], default=0.1),
            "dropout": hp.Choice("dropout", [0.0, 0.1, 0.3, 0.5], default=0.1),
        }

    @property
    def tables(self) -> list[tf.Variable]:
        """The embeddings of ids and of large vocabularies, of which a batch reads some rows."""
        tables = [] if self.projections is None else self.projections.tables
        return tables + ([] if self.id_embedding is None else [self.id_embedding.table.embeddings])

    @property
    def width(self) -> int:
        """The width of the tower's output: `dim` per block of the fusion."""
        return self.fusion.num_blocks * self.dim

    @property
    def scored_width(self) -> int:
        """The width of what queries are multiplied with: with the terms in closed form."""
        terms = self.closed_form
        return self.width + (terms.width if terms is not None and terms.is_fitted else 0)

    def call(
        self,
        inputs: Mapping[str, Feature],
        rows: tf.Tensor | None = None,
        counts: tf.Tensor | None = None,
        training: bool = False,
        drop_ids: bool = False,
    ) -> tf.Tensor:
        """Computes the embeddings of a batch of items.

        Args:
            inputs: the item features of the batch.
            rows: int32 `[batch]`, 1 + the item's row if its id is known, else 0; None for no ids.
            counts: float `[batch]`, the number of training events of each item; needed with rows.
            training: whether dropout is applied, except that of ids.
            drop_ids: whether dropout of ids is applied.

        Returns:
            float32 `[batch, width]`, zeros for an item with neither content nor a known id;
            otherwise of length 1 if the fusion has one block.
        """
        projected = self.project(inputs, rows, training=training)
        return self.join(projected, rows, counts, training=training, drop_ids=drop_ids)

    def project(
        self,
        inputs: Mapping[str, Feature],
        rows: tf.Tensor | None = None,
        training: bool = False,
    ) -> Projected:
        """Projects the features of items: the first and most expensive part of a call.

        Args:
            inputs: the item features of the batch.
            rows: as for `call`; needed without features.
            training: whether dropout is applied.

        Returns:
            Embeddings `[batch, names, dim]`, and their mask, bool `[batch, names]`: arguments of
            `join`, for all items or for some of them.
        """
        if self.projections is not None:
            return self.projections(inputs, training=training)
        if rows is None:
            raise ValueError("The items have no features to make a vector of")
        num_rows = tf.shape(rows)[0]
        empty = tf.zeros([num_rows, 0, self.dim], self.compute_dtype)
        return empty, tf.zeros([num_rows, 0], tf.bool)

    def join(
        self,
        projected: Projected,
        rows: tf.Tensor | None = None,
        counts: tf.Tensor | None = None,
        training: bool = False,
        drop_ids: bool = False,
    ) -> tf.Tensor:
        """Fuses projected features and id embeddings: the second part of a call.

        Args:
            projected: from `project`.
            rows: as for `call`.
            counts: as for `call`.
            training: as for `call`.
            drop_ids: as for `call`.

        Returns:
            As `call`.
        """
        embeddings, mask = projected
        if self.id_embedding is None or rows is None:
            return self._fuse(self._without_id(embeddings, mask), training)
        has_content = tf.reduce_any(mask, axis=1)
        ids, gates, known = self.id_embedding(rows, counts, has_content, training=drop_ids)
        if self.fuses_id:
            gated = gates * unit_length(ids)  # [batch, dim]
            embeddings = tf.concat([embeddings, gated[:, tf.newaxis]], axis=1)
            mask = tf.concat([mask, known[:, tf.newaxis]], axis=1)
            return self._fuse((embeddings, mask), training)
        gates = tf.where(known[:, tf.newaxis], gates, 0.0)
        gated = tf.cast(gates * ids, tf.float32)
        if self.projections is None:
            return unit_length(gated)
        return self.fusion.normalize(self._fuse((embeddings, mask), training) + gated)

    def content(self, inputs: Mapping[str, Feature], training: bool = False) -> tf.Tensor:
        """Computes the fused content of a batch of items, `[batch, width]`; zeros without any."""
        if self.projections is None:
            raise ValueError("The items have no features to make a vector of")
        return self(inputs, training=training)

    def cold_embeddings(
        self, inputs: Mapping[str, Feature], content: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Computes the embeddings of cold-start items, `[batch, scored_width]`.

        They are the fused content or, with a cold-start regression, a mix of it and the regressed
        embedding, which is shorter the less similar the content is to that of trained items. An
        item without content has zeros.

        Args:
            inputs: the item features of the batch.
            content: the fused content, if it is computed already (default: computed).
        """
        if content is None:
            content = self.content(inputs)
        if self.regression is None:
            return tf.pad(content, [(0, 0), (0, self.scored_width - self.width)])
        # A block without content stays zeros.
        blocks = self.fusion.block_mask(content)
        mixed = self.regression(content, inputs)
        tower = tf.where(tf.repeat(blocks, self.dim, axis=1), mixed[:, : self.width], 0.0)
        terms = self.closed_form
        if terms is None or not terms.is_fitted:
            return tower
        columns = terms.cold_columns(mixed[:, self.width :], inputs)
        columns = tf.where(tf.reduce_any(blocks, axis=1, keepdims=True), columns, 0.0)
        return tf.concat([terms.cold_scales[0] * tower, columns], axis=1)

    def _without_id(self, embeddings: tf.Tensor, mask: tf.Tensor) -> Projected:
        if not self.fuses_id:
            return embeddings, mask
        return tf.pad(embeddings, [[0, 0], [0, 1], [0, 0]]), tf.pad(mask, [[0, 0], [0, 1]])

    def _fuse(self, inputs: Projected, training: bool) -> tf.Tensor:
        embeddings, mask = inputs
        fused = tf.cast(self.fusion(embeddings, mask=mask, training=training), tf.float32)
        fused = self.fusion.normalize(fused)
        if self.fusion.is_zero_without_features:
            return fused
        return tf.where(tf.reduce_any(mask, axis=1, keepdims=True), fused, 0.0)
