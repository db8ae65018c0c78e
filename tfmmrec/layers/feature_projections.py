"""A side's features, each as a vector of the towers' own width, and what is present."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import uniform
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.pooling import ModalityGroups
from tfmmrec.layers.projection import Projection
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.modalities import search_options

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
        units: of their hidden layer, 0 for none (default 128).
        pool: how the features of one modality become one vector, `mean` or `attention`; `none`
            keeps them apart (default).
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
                pca_dim=info.pca_dim,
                dropout=dropout,
                units=units,
                name=info.name,
            )
            for info in self.features
        ]
        self.dim = dim
        self.groups = None
        if pool != "none":
            kinds = {info.name: info.kind for info in self.features}
            self.groups = ModalityGroups([info.name for info in self.features], kinds, pool=pool)

    @property
    def names(self) -> list[str]:
        """What the vectors stand for, in order: the features, or their modalities where pooled."""
        if self.groups is not None:
            return list(self.groups.groups)
        return [info.name for info in self.features]

    @property
    def alignable(self) -> list[int]:
        """The places of the features that are media, whose vectors alignment may pull together."""
        content = search_options()
        return [place for place, info in enumerate(self.features) if info.kind in content]

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
        """Gives vectors `[batch, names, dim]` of length 1 and their mask, bool `[batch, names]`."""
        vectors, mask = self.project(inputs, training=training)
        if self.groups is None:
            return vectors, mask
        vectors, mask = self.groups(vectors, mask=mask)
        return unit_length(vectors), mask

    def project(
        self, inputs: Mapping[str, Feature], training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Gives the vector of each feature, `[batch, features, dim]`, and their mask."""
        vectors, present = [], []
        for info, projection in zip(self.features, self.projections, strict=True):
            output, here = inputs[info.name]
            vectors.append(projection(output, training=training))
            present.append(here)
        mask = tf.stack(present, axis=1)
        if training and self.modality_dropout:
            mask = drop_present(mask, self.modality_dropout)
        return tf.stack(vectors, axis=1), mask

    def aligned(self, inputs: Mapping[str, Feature]) -> tf.Tensor:
        """The mean of a row's media in the space that they share, `[batch, dim]` of length 1.

        Only alignment makes that space one; without media it is zeros.
        """
        vectors, mask = self.project(inputs)
        vectors = tf.gather(tf.cast(vectors, tf.float32), self.alignable, axis=1)
        told = tf.cast(tf.gather(mask, self.alignable, axis=1), vectors.dtype)[..., tf.newaxis]
        return unit_length(tf.reduce_sum(vectors * told, axis=1))


def drop_present(mask: tf.Tensor, rate: float) -> tf.Tensor:
    """Turns True into False by chance, but never all of a row's."""
    draw = uniform(tf.shape(mask))
    # The present feature with the highest draw of its row always stays.
    draw = tf.where(mask, draw, -1.0)
    best = draw >= tf.reduce_max(draw, axis=1, keepdims=True)
    return mask & ((draw >= rate) | best)
