"""Gated fusion: an average with weights that are computed from the content of each item."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.checks import check_above, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.gelu import gelu
from tfmmrec.layers.masked_softmax import masked_softmax

if TYPE_CHECKING:
    import keras_tuner


@FUSIONS.register("gated")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class GatedFusion(Fusion):
    """Averages the embeddings of an item's modalities with convex weights per item.

    The output is Σₘ gₘ vₘ with g = softmax((W h + b) / temperature) over the present modalities,
    where h is a hidden layer over the concatenated embeddings and the mask. W and b are initialized
    to zeros, so that the layer starts as the average. It follows the gated multimodal units of
    Arevalo et al. 2017 (arXiv:1702.01992), with weights that sum to 1 as in a mixture of experts.

    Args:
        names: the features, in the order of the second axis of `vectors`.
        units: the units of the hidden layer; 0 computes the gate linearly (default 64).
        temperature: of the softmax, above 0; a low one selects one modality, a high one keeps
            weights nearly equal. None (null) learns it, starting at 1 (default 1).
        dropout: the dropout rate of the hidden units (default 0.1).

    Example:
        >>> fusion = GatedFusion(["text", "image"])
        >>> vectors = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
        >>> fusion(vectors, mask=tf.constant([[True, True]])).numpy().tolist()
        [[0.5, 0.5]]
        >>> fusion(vectors, mask=tf.constant([[True, False]])).numpy().tolist()
        [[1.0, 0.0]]
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        units: int = 64,
        temperature: float | None = 1.0,
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(names, **kwargs)
        self.check_options(units=units, temperature=temperature, dropout=dropout)
        self.units = units
        self.temperature = temperature
        self.dropout = dropout

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_count("units", options["units"], 0)
        if options["temperature"] is not None:
            check_above("temperature", options["temperature"], 0)
        check_rate("dropout", options["dropout"])

    def build(self, input_shape: Any) -> None:
        layers = []
        if self.units:
            layers.append(tf.keras.layers.Dense(self.units, gelu, name="hidden"))
            layers.append(Dropout(self.dropout))
        # Always float32: a logit that overflows float16 would give weights of NaN.
        layers.append(
            tf.keras.layers.Dense(
                len(self.names), kernel_initializer="zeros", dtype="float32", name="logits"
            )
        )
        self.gate = tf.keras.Sequential(layers, name="gate")
        build_layer(self.gate, [None, len(self.names) * (int(input_shape[-1]) + 1)])
        if self.temperature is None:
            self.log_temperature = self.add_weight(
                name="log_temperature", shape=[], initializer="zeros"
            )
        super().build(input_shape)

    def item_weights(
        self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """The weights of each item, float32 `[batch, features]`; they sum to 1, or are all 0."""
        logits = self.gate(self.concatenate(vectors, mask), training=training)
        if self.temperature is None:
            return masked_softmax(logits * tf.exp(-tf.cast(self.log_temperature, "float32")), mask)
        return masked_softmax(logits / self.temperature, mask)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        weights = tf.cast(self.item_weights(vectors, mask, training=training), vectors.dtype)
        return tf.einsum("bf,bfd->bd", weights, self.fill_missing(vectors, mask))

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws the units of the hidden layer, its dropout rate and the temperature."""
        del names
        return {
            "units": hp.Choice("fusion.gated.units", [0, 16, 64, 128], default=64),
            "temperature": hp.Float(
                "fusion.gated.temperature", 0.25, 4.0, sampling="log", default=1.0
            ),
            "dropout": hp.Choice("fusion.gated.dropout", [0.0, 0.1, 0.3], default=0.1),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "temperature": self.temperature,
            "dropout": self.dropout,
        }
