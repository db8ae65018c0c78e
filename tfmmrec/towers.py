"""The towers: encoded features -> projections -> fusion -> one vector."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.fusion import FUSIONS
from tfmmrec.projection import FeatureInfo, Projection, unit_length

# A feature in a batch: the encoder's output [batch, width] and its presence, bool [batch].
Feature = tuple[tf.Tensor, tf.Tensor]


class FeatureProjections(tf.keras.layers.Layer):
    """Projects every feature of one side: a vector by feature, and the mask of what is present.

    Args:
        features: the features of the side.
        dim: the width of the vectors.
        modality_dropout: in training, the chance that a present feature is treated as absent.
            A row never loses all it has (default 0).
        dropout: of the projections (default 0.1).
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        dim: int,
        *,
        modality_dropout: float = 0.0,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.features = list(features)
        self.modality_dropout = modality_dropout
        self.projections = [
            Projection(dim, vocabulary_size=info.vocabulary_size, dropout=dropout, name=info.name)
            for info in self.features
        ]

    def call(
        self, inputs: Mapping[str, Feature], training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        vectors, present = [], []
        for info, projection in zip(self.features, self.projections, strict=True):
            output, here = inputs[info.name]
            vectors.append(projection(output, training=training))
            present.append(here)
        mask = tf.stack(present, axis=1)  # [batch, features]
        if training and self.modality_dropout:
            mask = drop_present(mask, self.modality_dropout)
        return tf.stack(vectors, axis=1), mask


def drop_present(mask: tf.Tensor, rate: float) -> tf.Tensor:
    """Turns True into False by chance, but never all of a row's."""
    draw = tf.random.uniform(tf.shape(mask))
    # The present feature with the highest draw of its row always stays.
    draw = tf.where(mask, draw, -1.0)
    best = draw >= tf.reduce_max(draw, axis=1, keepdims=True)
    return mask & ((draw >= rate) | best)


class ItemTower(tf.keras.layers.Layer):
    """An item's vector: what its content says, plus what its id has learnt.

    Args:
        features: the item features.
        num_items: rows of the id table; 0 leaves ids out.
        dim: the width of vectors.
        fusion: the kind of fusion and its options, `{"kind": "weighted"}`.
        id_dropout: in training, the chance that an item's id is left out, so that content alone
            has to carry it (DropoutNet, Volkovs et al. 2017).
        modality_dropout: see `FeatureProjections`.
        dropout: of the projections.

    Raises:
        ConfigError: the fusion's kind or options are unknown.
        ValueError: there are neither features nor ids.
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        num_items: int,
        dim: int,
        fusion: Mapping[str, Any],
        id_dropout: float = 0.3,
        modality_dropout: float = 0.1,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not features and not num_items:
            raise ValueError("An item tower needs features, ids or both. Received: neither")
        self.dim = dim
        self.id_dropout = id_dropout if features else 0.0
        self.projections = self.fusion = self.ids = None
        if features:
            self.projections = FeatureProjections(
                features, dim, modality_dropout=modality_dropout, dropout=dropout
            )
            self.fusion = FUSIONS.create(fusion, names=[info.name for info in features])
        if num_items:
            # Row 0 stands for every item that training never met, and adds nothing.
            self.ids = tf.keras.layers.Embedding(num_items + 1, dim, name="ids")

    def call(
        self, inputs: Mapping[str, Feature], rows: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """Gives the vectors of a batch of items.

        Args:
            inputs: the item features of the batch.
            rows: int32 `[batch]`, 1 + the item's row where its id is known, else 0; None leaves
                ids out.

        Returns:
            float `[batch, dim]` of length 1.
        """
        parts = []
        if self.projections is not None:
            parts.append(self.content(inputs, training=training))
        if self.ids is not None and rows is not None:
            known = tf.cast(rows > 0, self.compute_dtype)
            if training and self.id_dropout:
                kept = tf.random.uniform(tf.shape(rows)) >= self.id_dropout
                known *= tf.cast(kept, known.dtype)
            parts.append(self.ids(rows) * known[:, tf.newaxis])
        return unit_length(tf.add_n(parts))

    def content(self, inputs: Mapping[str, Feature], training: bool = False) -> tf.Tensor:
        """The fused content of a batch of items, `[batch, dim]` of length 1 (0 without any)."""
        if self.projections is None or self.fusion is None:
            raise ValueError("The items have no features to make a vector of")
        vectors, mask = self.projections(inputs, training=training)
        fused = unit_length(self.fusion(vectors, mask=mask, training=training))
        return tf.where(tf.reduce_any(mask, axis=1, keepdims=True), fused, 0.0)


class QueryTower(tf.keras.layers.Layer):
    """A user's vector: the history read by a reader, plus the user's own features.

    Args:
        features: the user features.
        dim: the width of vectors.
        reader: a layer `(history [batch, n, dim], mask [batch, n]) -> [batch, dim]`.
        dropout: of the projections.
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        *,
        dim: int,
        reader: tf.keras.layers.Layer,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.reader = reader
        self.projections = FeatureProjections(features, dim, dropout=dropout) if features else None
        if features:
            self.feature_scale = self.add_weight(
                name="feature_scale", shape=[], initializer=tf.keras.initializers.Constant(0.1)
            )
        # Where there is neither history nor feature, this is what the user is taken for.
        self.nobody = self.add_weight(name="nobody", shape=[dim], initializer="random_normal")

    def call(
        self,
        history: tf.Tensor,
        mask: tf.Tensor,
        inputs: Mapping[str, Feature],
        training: bool = False,
    ) -> tf.Tensor:
        """Gives the vectors of a batch of users.

        Args:
            history: item vectors, `[batch, n, dim]`, oldest first.
            mask: bool `[batch, n]`, which places of the history are filled.
            inputs: the user features of the batch.

        Returns:
            float `[batch, dim]` of length 1.
        """
        vector = self.reader(history, mask=mask, training=training)
        has_history = tf.reduce_any(mask, axis=1, keepdims=True)
        vector = tf.where(has_history, vector, tf.cast(self.nobody, vector.dtype))
        if self.projections is not None:
            vectors, present = self.projections(inputs, training=training)
            present = tf.cast(present, vectors.dtype)[..., tf.newaxis]
            vector += tf.cast(self.feature_scale, vector.dtype) * tf.reduce_sum(
                vectors * present, axis=1
            )
        return unit_length(vector)
