"""Concatenation: the modalities side by side, mixed by a layer."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.fusion.base import FUSIONS, Fusion


@FUSIONS.register("concat")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class ConcatFusion(Fusion):
    """Concatenates the vectors of an item's modalities and mixes them in a hidden layer.

    The mask is an input of the layer as well, so that "absent" and "zero" differ.

    Args:
        names: the features, in the order of the vectors' second axis.
        units: the width of the hidden layer; 0 mixes linearly (default 128).
        dropout: the share of hidden units dropped in training, from 0 to below 1 (default 0.1).
    """

    def __init__(
        self, names: Sequence[str], *, units: int = 128, dropout: float = 0.1, **kwargs: Any
    ):
        super().__init__(names, **kwargs)
        if units < 0:
            raise ValueError(f"units must be at least 0. Received: {units}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1. Received: {dropout}")
        self.units = units
        self.dropout = dropout

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        layers = []
        if self.units:
            layers.append(tf.keras.layers.Dense(self.units, "gelu", name="hidden"))
            layers.append(tf.keras.layers.Dropout(self.dropout))
        layers.append(tf.keras.layers.Dense(dim, name="output"))
        self.mix = tf.keras.Sequential(layers, name="mix")
        self.mix.build([None, len(self.names) * (dim + 1)])
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        presence = tf.cast(mask, vectors.dtype)
        vectors = tf.where(mask[..., tf.newaxis], vectors, 0.0)
        flat = tf.reshape(vectors, [-1, len(self.names) * vectors.shape[-1]])
        return self.mix(tf.concat([flat, presence], axis=1), training=training)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the width and the dropout of the hidden layer."""
        return {
            "units": hp.Choice("concat_units", [0, 64, 128, 256], default=128),
            "dropout": hp.Choice("concat_dropout", [0.0, 0.1, 0.3], default=0.1),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}
