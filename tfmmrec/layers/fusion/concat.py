"""Concat fusion: a hidden layer over the concatenated modalities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.gelu import gelu

if TYPE_CHECKING:
    import keras_tuner


@FUSIONS.register("concat")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class ConcatFusion(Fusion):
    """Concatenates the embeddings of an item's modalities and applies a hidden and a linear layer.

    The mask is concatenated as well, so that the first layer can learn a contribution of a missing
    modality. A learned embedding for missing values cannot express more, but shares the weights of
    present values.

    Args:
        names: the features, in the order of the second axis of `vectors`.
        units: the units of the hidden layer; 0 for a linear map alone (default 128).
        dropout: the dropout rate of the hidden units (default 0.1).
        learned_missing_embedding: whether to learn an embedding per feature for missing values,
            instead of zeros (default False).

    Example:
        >>> fusion = ConcatFusion(["text", "image"], units=8)
        >>> fusion(tf.ones([1, 2, 4]), mask=tf.constant([[True, False]])).shape
        TensorShape([1, 4])
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
            layers.append(tf.keras.layers.Dense(self.units, gelu, name="hidden"))
            layers.append(Dropout(self.dropout))
        layers.append(tf.keras.layers.Dense(dim, name="output"))
        self.mix = tf.keras.Sequential(layers, name="mix")
        build_layer(self.mix, [None, len(self.names) * (dim + 1)])
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.mix(self.concatenate(vectors, mask), training=training)

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws the units and the dropout rate of the hidden layer."""
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
