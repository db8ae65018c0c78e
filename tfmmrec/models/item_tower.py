"""An item's vector: what its content says, and what its id has learnt."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.cold_start import ColdStartConfig
from tfmmrec.config.registry import VariantSpec
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.feature_projections import Feature, FeatureProjections
from tfmmrec.layers.fusion import Fusion
from tfmmrec.layers.gated_id_embedding import GatedIdEmbedding
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.cold_start.kernel_ridge import ColdStartRegression

# What the vector of the id is called among the features of a fusion that takes it.
ID = "id"

# What each modality says of some items: vectors [batch, names, dim], and the mask of what there is.
Projected = tuple[tf.Tensor, tf.Tensor]


class ItemTower(tf.keras.layers.Layer):
    """Projects an item's features, fuses them, and joins what its id has learnt.

    Fusion kinds that take the id get it as one more vector; else the vector is
    `content + gate(count) · id`, so that a new item leans on its content and a known one on its id.

    Args:
        features: the item features.
        num_items: rows of the id table; 0 leaves ids out.
        dim: the width of vectors.
        fusion: the kind of fusion and its options.
        id_embedding_dropout: in training, the chance that the id of an item with content is left
            out (see `GatedIdEmbedding`).
        modality_dropout: see `FeatureProjections`.
        dropout: of the projections.
        units: of their hidden layer, 0 for none.
        pool: how the features of one modality become one vector, see `FeatureProjections`.
        cold_start: how the vectors of new items come about; None is by their content alone.
        num_landmarks: how many known items there are to compare new ones with (default 0).

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
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        if not features and not num_items:
            raise ValueError("An item tower needs features, ids or both. Received: neither")
        self.dim = dim
        self.projections = self.ids = None
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
            self.ids = GatedIdEmbedding(num_items, dim, dropout=id_embedding_dropout)
        self.fusion = fusion.create(names=names)
        self.regression = None
        if features and cold_start is not None and cold_start.weight and num_landmarks:
            self.regression = ColdStartRegression(
                features,
                width=self.width,
                num_landmarks=num_landmarks,
                weight=cold_start.weight,
                ridge_alpha=cold_start.ridge_alpha,
            )

    def build(self, input_shape: Any) -> None:
        if self.projections is not None:
            build_layer(self.projections, None)
        if self.ids is not None:
            build_layer(self.ids, [None])
        if self.fusion.names:
            build_layer(self.fusion, [None, len(self.fusion.names), self.dim])
        super().build(input_shape)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws widths and dropouts for one trial of a search, by the keys of the training file."""
        return {
            "dim": hp.Choice("dim", [32, 64, 128], default=64),
            "projection_units": hp.Choice("projection_units", [0, 64, 128, 256], default=128),
            "pca_dim": hp.Choice("pca_dim", [0, 32, 64, 128]),
            "id_embedding_dropout": hp.Choice(
                "id_embedding_dropout", [0.0, 0.1, 0.3, 0.5], default=0.3
            ),
            "modality_dropout": hp.Choice("modality_dropout", [0.0, 0.1, 0.3], default=0.1),
            "dropout": hp.Choice("dropout", [0.0, 0.1, 0.3, 0.5], default=0.1),
        }

    @property
    def width(self) -> int:
        """The length of an item's vector: `dim` a block of the fusion."""
        return self.fusion.num_blocks * self.dim

    def call(
        self,
        inputs: Mapping[str, Feature],
        rows: tf.Tensor | None = None,
        counts: tf.Tensor | None = None,
        training: bool = False,
        drop_ids: bool = False,
    ) -> tf.Tensor:
        """Gives the vectors of a batch of items.

        Args:
            inputs: the item features of the batch.
            rows: int32 `[batch]`, 1 + the item's row where its id is known, else 0; None leaves
                ids out.
            counts: float `[batch]`, how often each item was chosen in training; needed with rows.
            training: whether features and units are dropped.
            drop_ids: whether ids are dropped.

        Returns:
            float32 `[batch, width]`, zeros for an item with neither content nor known id; of length
            1 otherwise where the fusion has one block.
        """
        projected = self.project(inputs, rows, training=training)
        return self.join(projected, rows, counts, training=training, drop_ids=drop_ids)

    def project(
        self,
        inputs: Mapping[str, Feature],
        rows: tf.Tensor | None = None,
        training: bool = False,
    ) -> Projected:
        """The first part of a call, which costs most: what each modality says of the items.

        Args:
            inputs: the item features of the batch.
            rows: as for a call; needed where there are no features.
            training: whether features and units are dropped.

        Returns:
            The vector of each modality, `[batch, names, dim]`, and which there are, bool
            `[batch, names]`; to `join`, all items or those of some rows.
        """
        if self.projections is not None:
            return self.projections(inputs, training=training)
        if rows is None:
            raise ValueError("The items have no features to make a vector of")
        num_rows = tf.shape(rows)[0]
        none = tf.zeros([num_rows, 0, self.dim], self.compute_dtype)
        return none, tf.zeros([num_rows, 0], tf.bool)

    def join(
        self,
        projected: Projected,
        rows: tf.Tensor | None = None,
        counts: tf.Tensor | None = None,
        training: bool = False,
        drop_ids: bool = False,
    ) -> tf.Tensor:
        """The second part of a call: fuses what `project` gave, and joins ids; as `call`."""
        vectors, mask = projected
        if self.ids is None or rows is None:
            return self._fuse(self._without_id(vectors, mask), training)
        has_content = tf.reduce_any(mask, axis=1)
        ids, gates, known = self.ids(rows, counts, has_content, training=drop_ids)
        if self.fuses_id:
            told = gates * unit_length(ids)
            vectors = tf.concat([vectors, told[:, tf.newaxis]], axis=1)
            mask = tf.concat([mask, known[:, tf.newaxis]], axis=1)
            return self._fuse((vectors, mask), training)
        added = tf.cast(gates * ids, tf.float32) * tf.cast(known, tf.float32)[:, tf.newaxis]
        if self.projections is None:
            return unit_length(added)
        return self.fusion.normalize(self._fuse((vectors, mask), training) + added)

    def content(self, inputs: Mapping[str, Feature], training: bool = False) -> tf.Tensor:
        """The fused content of a batch of items, `[batch, width]`; zeros without any."""
        if self.projections is None:
            raise ValueError("The items have no features to make a vector of")
        return self(inputs, training=training)

    def cold_embeddings(self, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """The vectors of a batch of items that training never met, `[batch, width]`.

        They are the fused content, or lie between it and what the regression says of it, shorter
        the less is known of such content; zeros without any.
        """
        content = self.content(inputs)
        if self.regression is None:
            return content
        # What has no word in a block has none by regression either.
        told = tf.repeat(self.fusion.told(content), self.dim, axis=1)
        return tf.where(told, self.regression(content, inputs), 0.0)

    def _without_id(self, vectors: tf.Tensor, mask: tf.Tensor) -> Projected:
        if not self.fuses_id:
            return vectors, mask
        return tf.pad(vectors, [[0, 0], [0, 1], [0, 0]]), tf.pad(mask, [[0, 0], [0, 1]])

    def _fuse(self, given: Projected, training: bool) -> tf.Tensor:
        vectors, mask = given
        fused = tf.cast(self.fusion(vectors, mask=mask, training=training), tf.float32)
        fused = self.fusion.normalize(fused)
        return tf.where(tf.reduce_any(mask, axis=1, keepdims=True), fused, 0.0)
