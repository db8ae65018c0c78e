"""Projections of all features of items or users, with a presence mask."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfmmrec.data.plain_names import plain_name
from tfmmrec.distribute.stateless_random import uniform
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.pooling import ModalityGroups
from tfmmrec.layers.projection import Projection
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.modalities import search_options


class Feature(NamedTuple):
    """One feature of a batch of items or users.

    Attributes:
        encoding: the output of the encoder: float32 `[batch, width]`; `[batch, n, width]` if a row
            has several values; or int32 `[batch, n]`, vocabulary entries, where 0 is padding.
        present: bool `[batch]`, rows that have the feature; the encoding of others is ignored.
    """

    encoding: tf.Tensor
    present: tf.Tensor


class FeatureProjections(tf.keras.layers.Layer):
    """Projects every feature of items or users to an embedding, with a presence mask.

    Args:
        features: the features of the items or users.
        dim: the width of the embeddings.
        modality_dropout: the probability, in training, that a present feature is treated as
            missing. At least one feature of a row is kept (default 0).
        dropout: the dropout rate of the projections (default 0.1).
        units: the units of the projections' hidden layer; 0 for none (default 128).
        pool: how the embeddings of the features of one modality are pooled, `mean` or `attention`;
            `none` keeps one embedding per feature (default none).
    """

    def __init__(
        self,
        features: Sequence[FeatureInfo],
        dim: int,
        *,
        modality_dropout: float = 0.0,
        dropout: float = 0.1,
        units: int = 128,
        pool: str = "none",
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.features = list(features)
        self.modality_dropout = modality_dropout
        self.projections = [
            Projection(
                dim,
                vocabulary_size=info.vocabulary_size,
                dropout=dropout,
                units=units,
                name=plain_name(info.name),
            )
            for info in self.features
        ]
        self.dim = dim
        self.groups = None
        if pool != "none":
            kinds = {info.name: info.kind for info in self.features}
            self.groups = ModalityGroups([info.name for info in self.features], kinds, pool=pool)

    @property
    def by_feature(self) -> dict[str, Projection]:
        """The projection of each feature; the name of its layer may differ from the feature's."""
        names = (info.name for info in self.features)
        return dict(zip(names, self.projections, strict=True))

    @property
    def tables(self) -> list[tf.Variable]:
        """The embeddings of large vocabularies, of which a batch reads some rows."""
        return [projection.table for projection in self.projections if projection.table is not None]

    @property
    def names(self) -> list[str]:
        """The features, or with pooling the modalities, in the order of the embeddings."""
        if self.groups is not None:
            return list(self.groups.groups)
        return [info.name for info in self.features]

    @property
    def contrastive_features(self) -> list[int]:
        """The positions of the features that contrastive losses compare, such as text and image."""
        kinds = search_options()
        return [position for position, info in enumerate(self.features) if info.kind in kinds]

    def build(self, input_shape: Any) -> None:
        for info, projection in zip(self.features, self.projections, strict=True):
            values = [info.num_values] if info.num_values else []
            build_layer(projection, [None, *values, info.width])
        if self.groups is not None:
            build_layer(self.groups, [None, len(self.features), self.dim])
        super().build(input_shape)

    def call(
        self, inputs: Mapping[str, Feature], training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes embeddings `[batch, names, dim]` of length 1, and a mask, bool `[batch, names]`.

        Args:
            inputs: the features of the batch, by name.
            training: whether dropout is applied.
        """
        return self.pool(*self.project(inputs, training=training))

    def project(
        self, inputs: Mapping[str, Feature], training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the embedding of each feature, `[batch, features, dim]`, and their mask."""
        embeddings, present = [], []
        for info, projection in zip(self.features, self.projections, strict=True):
            encoding, has_feature = inputs[info.name]
            embeddings.append(projection(encoding, training=training, normalize=False))
            present.append(has_feature)
        mask = tf.stack(present, axis=1)  # [batch, features]
        if training and self.modality_dropout:
            mask = drop_present(mask, self.modality_dropout)
        # Scaled to length 1 all at once.
        return unit_length(tf.stack(embeddings, axis=1)), mask

    def pool(self, embeddings: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Pools the features of each modality, if the layer has pooling.

        Args:
            embeddings: from `project`, `[batch, features, dim]`.
            mask: from `project`, bool `[batch, features]`.

        Returns:
            Embeddings `[batch, names, dim]` of length 1, and a mask, bool `[batch, names]`.
        """
        if self.groups is None:
            return embeddings, mask
        embeddings, mask = self.groups(embeddings, mask=mask)
        return unit_length(embeddings), mask

    def contrastive_embedding(self, embeddings: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Computes the mean of a row's text, image and audio embeddings, scaled to length 1.

        The embeddings of different modalities are comparable only after training with the
        cross-modal contrastive loss.

        Args:
            embeddings: from `project`, `[batch, features, dim]`.
            mask: from `project`, bool `[batch, features]`.

        Returns:
            float32 `[batch, dim]`; zeros for rows without text, image and audio.
        """
        positions = tf.constant(self.contrastive_features, tf.int32)  # may be empty
        embeddings = tf.gather(tf.cast(embeddings, tf.float32), positions, axis=1)
        mask = tf.gather(mask, positions, axis=1)
        mask = tf.cast(mask, embeddings.dtype)[..., tf.newaxis]
        return unit_length(tf.reduce_sum(embeddings * mask, axis=1))


def drop_present(mask: tf.Tensor, rate: float) -> tf.Tensor:
    """Sets True to False with a probability of `rate`, but not all of a row.

    Args:
        mask: bool `[batch, features]`.
        rate: from 0 to below 1.
    """
    draw = uniform(tf.shape(mask))
    # The present feature with the highest draw in its row is always kept.
    draw = tf.where(mask, draw, -1.0)
    highest = draw >= tf.reduce_max(draw, axis=1, keepdims=True)
    return mask & ((draw >= rate) | highest)
