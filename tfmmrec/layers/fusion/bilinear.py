"""Bilinear fusion: low-rank products across modalities, added to a linear map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.fusion.base import FUSIONS, Fusion

if TYPE_CHECKING:
    import keras_tuner


@FUSIONS.register("bilinear")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class BilinearFusion(Fusion):
    """Low-rank multimodal fusion: Σₘ Aₘ vₘ + Σᵣ wᵣ Πₘ Fₘᵣ [vₘ; 1] + b.

    The second term is the product of the tensor [v₁; 1] ⊗ [v₂; 1] ⊗ … with a weight tensor of low
    rank (Liu et al. 2018, arXiv:1806.00064), which contains each modality, each pair of modalities
    and so on; with two modalities it is bilinear. The linear map Σₘ Aₘ vₘ is added for a stable
    start: the A are initialized to identity matrices divided by the number of modalities, and the w
    to zeros, so that the layer starts as the average.

    A missing modality is a zero vector, with the factor Fₘᵣ [0; 1]: exactly the terms with this
    modality drop out, and the others keep the scale they were trained with. (A factor of 1 would
    change the scale of the others.) With `learned_missing_embedding`, the vector of a missing
    modality is learned, initially zeros.

    Args:
        names: the features, in the order of the second axis of `vectors`.
        rank: the number of products that are summed, R (default 4).
        dropout: the dropout rate of the summed products (default 0.1).
        learned_missing_embedding: whether to learn an embedding per feature for missing values
            (default True).

    Example:
        >>> fusion = BilinearFusion(["text", "image"])
        >>> vectors = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
        >>> fusion(vectors, mask=tf.constant([[True, True]])).numpy().tolist()
        [[2.0, 3.0]]
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        rank: int = 4,
        dropout: float = 0.1,
        learned_missing_embedding: bool = True,
        **kwargs: Any,
    ):
        super().__init__(names, **kwargs)
        self.check_options(
            rank=rank, dropout=dropout, learned_missing_embedding=learned_missing_embedding
        )
        self.rank = rank
        self.dropout = dropout
        self.learned_missing_embedding = learned_missing_embedding

    @classmethod
    def check_options(cls, **options: Any) -> None:
        check_count("rank", options["rank"], 1)
        check_rate("dropout", options["dropout"])
        check_bool("learned_missing_embedding", options["learned_missing_embedding"])

    def build(self, input_shape: Any) -> None:
        num, dim = len(self.names), int(input_shape[-1])
        if self.learned_missing_embedding:
            self.add_missing_embeddings(dim)
        average = np.broadcast_to(np.eye(dim) / num, [num, dim, dim])
        self.linear = self.add_weight(
            name="linear",
            shape=[num, dim, dim],
            initializer=tf.keras.initializers.Constant(average),
        )
        # Vectors have length 1, so that F v has the magnitude of a row of F: a factor is 1 ± 0.5.
        self.factors = self.add_weight(
            name="factors",
            shape=[num, dim, self.rank, dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.5),
        )
        # The weights of the appended 1; ones, so that no product starts at zero.
        self.offsets = self.add_weight(
            name="offsets", shape=[num, self.rank, dim], initializer="ones"
        )
        self.rank_weights = self.add_weight(
            name="rank_weights", shape=[self.rank], initializer="zeros"
        )
        self.bias = self.add_weight(name="bias", shape=[dim], initializer="zeros")
        self.drop = Dropout(self.dropout)
        super().build(input_shape)

    def call(self, vectors: tf.Tensor, mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        filled = self.fill_missing(vectors, mask)
        linear = tf.einsum("bfd,fde->be", filled, tf.cast(self.linear, vectors.dtype))
        factors = tf.einsum("bfd,fdre->bfre", filled, tf.cast(self.factors, vectors.dtype))
        # float32, since a product of many factors overflows float16.
        factors = tf.cast(factors, tf.float32) + tf.cast(self.offsets, tf.float32)
        product = factors[:, 0]  # [batch, rank, dim]
        for feature in range(1, len(self.names)):
            product *= factors[:, feature]
        summed = tf.einsum("bre,r->be", product, tf.cast(self.rank_weights, tf.float32))
        summed = self.drop(tf.cast(summed, vectors.dtype), training=training)
        return linear + summed + tf.cast(self.bias, vectors.dtype)

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws the rank, the dropout rate and `learned_missing_embedding`."""
        del names
        return {
            "rank": hp.Choice("fusion.bilinear.rank", [1, 2, 4, 8, 16], default=4),
            "dropout": hp.Choice("fusion.bilinear.dropout", [0.0, 0.1, 0.3], default=0.1),
            "learned_missing_embedding": hp.Boolean(
                "fusion.bilinear.learned_missing_embedding", default=True
            ),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rank": self.rank,
            "dropout": self.dropout,
            "learned_missing_embedding": self.learned_missing_embedding,
        }
