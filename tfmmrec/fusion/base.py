"""Fusion: one vector, or one score, out of the vectors of an item's modalities."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.projection import unit_length
from tfmmrec.registry import Registry

FUSIONS: "Registry[Fusion]" = Registry("fusion")


class Fusion(tf.keras.layers.Layer):
    """A layer `(vectors [batch, features, dim], mask [batch, features]) -> [batch, width]`.

    What a vector says where the mask is False must not reach the output. Fusion at feature and at
    model level gives one vector of length 1, `width = dim`. Fusion at decision level gives
    `num_blocks` vectors side by side, `width = num_blocks * dim`, each of which has a reader of
    the user's history of its own, and says in `score` how their verdicts become one.

    Args:
        names: the features, in the order of the vectors' second axis.

    Attributes:
        takes_id: whether the vector of the item's id is one more of the vectors, under the name
            "id"; else what the id says is added to the content after it is fused.
        joint_loss: the weight of the loss over the joint score.
        member_loss: the weight of the mean of the losses over each block's own score.
        num_temperatures: 1, or one a block, by which the blocks' scores are divided.
    """

    takes_id = False
    joint_loss = 1.0
    member_loss = 0.0

    def __init__(self, names: Sequence[str], **kwargs: Any):
        super().__init__(**kwargs)
        self.names = list(names)

    @property
    def num_blocks(self) -> int:
        """How many vectors the output holds side by side."""
        return 1

    @property
    def num_temperatures(self) -> int:
        return 1

    def finish(self, fused: tf.Tensor) -> tf.Tensor:
        """Brings a fused vector, to which an id may have been added, to its length."""
        return unit_length(fused)

    def score(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Scores items for users, `[queries, items]`.

        Args:
            queries: `[queries, width]`.
            items: `[items, width]`.
        """
        return tf.matmul(queries, items, transpose_b=True)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the options of this kind of fusion for one trial of a search."""
        del hp, names
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "names": self.names}
