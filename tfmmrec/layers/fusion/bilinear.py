"""Low-rank bilinear fusion: the modalities multiply, besides adding up."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import numpy as np
import tensorflow as tf

from tfmmrec.config.checks import check_bool, check_count, check_rate
from tfmmrec.distribute.stateless_random import Dropout
from tfmmrec.layers.fusion.base import FUSIONS, Fusion


@FUSIONS.register("bilinear")
@tf.keras.utils.register_keras_serializable("tfmmrec")
class BilinearFusion(Fusion):
    """Adds products across an item's modalities to a linear map of them.

    The output is Σₘ Aₘ vₘ + Σᵣ wᵣ Πₘ Fₘᵣ [vₘ; 1] + b. The second term is the product of the whole
    tensor [v₁; 1] ⊗ [v₂; 1] ⊗ … with a weight tensor of low rank, and so holds each modality, each
    pair and so on; two modalities make it bilinear. It starts as the plain average: the A are
    identities divided by their number, the w zeros. After the low-rank multimodal fusion of Liu et
    al. 2018 (arXiv:1806.00064); the linear map is added for a stable start.

    What is absent counts as a zero vector, whose factor is Fₘᵣ [0; 1]: of the tensor exactly the
    terms with that modality drop out, and what is left keeps the scale it was trained with. A
    factor of 1 would drop it too, but change the scale of all the others. With stand-ins, zeros at
    first, the factor of an absent modality is learned.

    Args:
        names: the features, in the order of the vectors' second axis.
        rank: the number of products that are summed (default 4).
        dropout: the share of the summed products dropped in training (default 0.1).
        learned_missing_embedding: learns a vector by feature for what is absent (default True).
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
        # Vectors have length 1, so that F v is as large as a row of F: a factor is 1 ± 0.5.
        self.factors = self.add_weight(
            name="factors",
            shape=[num, dim, self.rank, dim],
            initializer=tf.keras.initializers.RandomNormal(stddev=0.5),
        )
        # What the appended 1 is multiplied by. Ones, so that no product starts by vanishing.
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
        filled = self.fill(vectors, mask)
        linear = tf.einsum("bfd,fde->be", filled, tf.cast(self.linear, vectors.dtype))
        factors = tf.einsum("bfd,fdre->bfre", filled, tf.cast(self.factors, vectors.dtype))
        # In float32, for a product of many factors soon leaves what float16 holds.
        factors = tf.cast(factors, tf.float32) + tf.cast(self.offsets, tf.float32)
        product = factors[:, 0]
        for place in range(1, len(self.names)):
            product *= factors[:, place]  # [batch, rank, dim]
        summed = tf.einsum("bre,r->be", product, tf.cast(self.rank_weights, tf.float32))
        summed = self.drop(tf.cast(summed, vectors.dtype), training=training)
        return linear + summed + tf.cast(self.bias, vectors.dtype)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the rank, the dropout and whether there are stand-ins."""
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
