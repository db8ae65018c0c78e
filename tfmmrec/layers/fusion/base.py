"""Fusion: one vector, or one score, out of the vectors of an item's modalities."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.config.registry import Registry
from tfmmrec.layers.unit_length import unit_length

FUSIONS: "Registry[Fusion]" = Registry("fusion")


class Fusion(tf.keras.layers.Layer):
    """A layer `(vectors [batch, features, dim], mask [batch, features]) -> [batch, width]`.

    What a vector says where the mask is False must not reach the output, be it infinite or NaN. A
    row where nothing is present gives finite numbers and gradients. Fusion at feature and at model
    level gives one vector, `width = dim`, which `finish` brings to length 1. Fusion at decision
    level gives `num_blocks` vectors side by side, `width = num_blocks * dim`, each of which has a
    reader of the user's history of its own, and says in `score` how their verdicts become one.

    Args:
        names: the features, in the order of the vectors' second axis.

    Attributes:
        takes_id: whether the vector of the item's id is one more of the vectors, under the name
            "id"; else what the id says is added to the content after it is fused.
        joint_loss_weight: the weight of the loss over the joint score.
        modality_loss_weight: the weight of the mean of the losses over each block's own score.
        num_temperatures: 1, or one a block, by which the blocks' scores are divided.
    """

    takes_id = False
    joint_loss_weight = 1.0
    modality_loss_weight = 0.0

    def __init__(self, names: Sequence[str], **kwargs: Any):
        super().__init__(**kwargs)
        self.names = list(names)
        self.missing_embeddings: tf.Variable | None = None

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """Raises ValueError where an option has a bad value.

        `Registry.parse` calls it before anything is encoded or built.

        Args:
            **options: the keyword arguments of `__init__`, and `names`.
        """
        del options

    def add_missing_embeddings(self, dim: int) -> None:
        """Adds a learned vector by feature for what is absent, zeros at first; for `build`."""
        self.missing_embeddings = self.add_weight(
            name="missing_embeddings", shape=[len(self.names), dim], initializer="zeros"
        )

    def fill(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Puts a feature's stand-in, or zeros without stand-ins, where the mask is False."""
        # A choice, not a product with the mask, since 0 * NaN is NaN.
        absent = (
            0.0
            if self.missing_embeddings is None
            else tf.cast(self.missing_embeddings, vectors.dtype)
        )
        return tf.where(mask[..., tf.newaxis], vectors, absent)

    def side_by_side(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """An item's filled vectors and its mask in one row, `[batch, features * (dim + 1)]`."""
        filled = self.fill(vectors, mask)
        flat = tf.reshape(filled, [-1, len(self.names) * vectors.shape[-1]])
        return tf.concat([flat, tf.cast(mask, vectors.dtype)], axis=1)

    @property
    def num_blocks(self) -> int:
        """How many vectors the output holds side by side."""
        return 1

    def split(self, vectors: tf.Tensor) -> tf.Tensor:
        """The blocks of `[batch, width]`, as `[batch, blocks, width / blocks]`."""
        return tf.reshape(vectors, [-1, self.num_blocks, vectors.shape[-1] // self.num_blocks])

    def told(self, vectors: tf.Tensor) -> tf.Tensor:
        """Where an item has a word in a block, bool `[batch, blocks]`; elsewhere it is zeros."""
        return tf.reduce_any(self.split(vectors) != 0.0, axis=2)

    @property
    def num_temperatures(self) -> int:
        return 1

    def finish(self, fused: tf.Tensor) -> tf.Tensor:
        """Brings a fused vector, to which an id may have been added, to its length."""
        return unit_length(fused)

    @property
    def scores_by_product(self) -> bool:
        """Whether `score` is the product of the vectors, so that an index of items serves it."""
        return True

    def score(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Scores items for users, `[queries, items]`.

        Args:
            queries: `[queries, width]`.
            items: `[items, width]`.
        """
        return tf.matmul(queries, items, transpose_b=True)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the options of this kind of fusion for one trial of a search.

        Args:
            hp: the trial's hyperparameters; their names are keys of the training file, with the
                kind in them, `fusion.KIND.OPTION`.
            names: the features.
        """
        del hp, names
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "names": self.names}
