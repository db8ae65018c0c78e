"""Concatenation: the modalities side by side, mixed by a layer."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion


@FUSIONS.register("concat")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class ConcatFusion(Fusion):
    """Concatenates the vectors of an item's modalities and mixes them in a hidden layer.

    The mask is an input of the layer as well, so that "absent" and "zero" differ. That lets the
    first dense layer learn what an absent modality adds to it; stand-ins can say no more than that,
    but start from the same weights as what is present.

    Args:
        names: the features, in the order of the vectors' second axis.
        units: the width of the hidden layer; 0 mixes linearly (default 128).
        dropout: the share of hidden units dropped in training, from 0 to below 1 (default 0.1).
        learned_missing_embedding: learns a vector by feature for what is absent, instead of zeros
            (default False).
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        units: int = 128,
        dropout: float = 0.1,
        learned_missing_embedding: bool = False,
        **kwargs: Any,
    ):
        super().__init__(names, **kwargs)
        self.check_options(
            units=units, dropout=dropout, learned_missing_embedding=learned_missing_embedding
        )
        self.units = units
        self.dropout = dropout
        self.learned_missing_embedding = learned_missing_embedding

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_count("units", options["units"], 0)
        check_rate("dropout", options["dropout"])
        check_bool("learned_missing_embedding", options["learned_missing_embedding"])

    def build(self, input_shape: Any) -> None:
        dim = int(input_shape[-1])
        if self.learned_missing_embedding:
            self.add_missing_embeddings(dim)
        layers = []
        if self.units:
            layers.append(tf.keras.layers.Dense(self.units, "gelu", name="hidden"))
            layers.append(Dropout(self.dropout))
        layers.append(tf.keras.layers.Dense(dim, name="output"))
        self.mix = tf.keras.Sequential(layers, name="mix")
        build_layer(self.mix, [None, len(self.names) * (dim + 1)])
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.mix(self.side_by_side(vectors, mask), training=training)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the width and the dropout of the hidden layer."""
        return {
            "units": hp.Choice("fusion.concat.units", [0, 64, 128, 256], default=128),
            "dropout": hp.Choice("fusion.concat.dropout", [0.0, 0.1, 0.3], default=0.1),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "dropout": self.dropout,
            "learned_missing_embedding": self.learned_missing_embedding,
        }
