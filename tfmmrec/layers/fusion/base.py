"""Fusion: combines the embeddings, or the scores, of the modalities of an item."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfmmrec.config.registry import Registry
from tfmmrec.layers.unit_length import unit_length

if TYPE_CHECKING:
    import keras_tuner

FUSIONS: "Registry[Fusion]" = Registry("fusion")


class Fusion(tf.keras.layers.Layer):
    """A layer `(vectors [batch, features, dim], mask [batch, features]) -> [batch, width]`.

    Embeddings of missing features (mask False) must not affect the output, even if infinite or NaN.
    A row without features gives finite outputs and gradients.

    Feature-level and model-level (intermediate) fusion gives one embedding, `width = dim`, which
    `normalize` scales to length 1. Decision-level (late) fusion gives `num_blocks` embeddings,
    `width = num_blocks * dim`; each block has a history encoder of its own, and `score` combines
    the scores of the blocks.

    A custom kind is a subclass with the decorator `@FUSIONS.register("NAME")`; its options are the
    keyword-only arguments of `__init__`, and are checked by `check_options`.

    Args:
        names: the features, in the order of the second axis of `vectors`.

    Attributes:
        takes_id: whether the id embedding is fused as one more embedding, under the name "id";
            otherwise it is added to the fused content (default False).
        joint_loss_weight: the weight of the loss over the joint score (default 1).
        is_zero_without_features: whether a row without features has an output of zeros (default
            False).
        modality_loss_weight: the weight of the mean of the losses over the score of each block
            (default 0).
    """

    takes_id = False
    is_zero_without_features = False
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
        """Adds a learned embedding per feature for missing values, initially zeros; for `build`."""
        self.missing_embeddings = self.add_weight(
            name="missing_embeddings", shape=[len(self.names), dim], initializer="zeros"
        )

    def fill_missing(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Replaces embeddings of missing features by the learned ones, or by zeros."""
        # tf.where, not a product with the mask, since 0 * NaN is NaN.
        missing = (
            0.0
            if self.missing_embeddings is None
            else tf.cast(self.missing_embeddings, vectors.dtype)
        )
        return tf.where(mask[..., tf.newaxis], vectors, missing)

    def concatenate(self, vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Concatenates filled embeddings and the mask, `[batch, features * (dim + 1)]`."""
        filled = self.fill_missing(vectors, mask)
        flat = tf.reshape(filled, [-1, len(self.names) * vectors.shape[-1]])
        return tf.concat([flat, tf.cast(mask, vectors.dtype)], axis=1)

    @property
    def num_blocks(self) -> int:
        """The number of embeddings in the output."""
        return 1

    def split(self, vectors: tf.Tensor) -> tf.Tensor:
        """Splits `[batch, width]` into blocks, `[batch, blocks, width / blocks]`."""
        return tf.reshape(vectors, [-1, self.num_blocks, vectors.shape[-1] // self.num_blocks])

    def block_mask(self, vectors: tf.Tensor) -> tf.Tensor:
        """Which blocks of an item are not zeros, i.e. have content, bool `[batch, blocks]`."""
        return tf.reduce_any(self.split(vectors) != 0.0, axis=2)

    @property
    def num_temperatures(self) -> int:
        """The number of learned temperatures: 1, or one per block."""
        return 1

    def normalize(self, fused: tf.Tensor) -> tf.Tensor:
        """Scales a fused embedding, to which an id embedding may have been added, to length 1."""
        return unit_length(fused)

    @property
    def scores_by_product(self) -> bool:
        """Whether `score` is the dot product, so that a vector index of items can serve it."""
        return True

    def score(self, queries: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Computes the scores of items for queries, `[queries, items]`.

        Args:
            queries: `[queries, width]`.
            items: `[items, width]`.
        """
        return tf.matmul(queries, items, transpose_b=True)

    @classmethod
    def search_space(
        cls, hp: "keras_tuner.HyperParameters", names: Sequence[str]
    ) -> dict[str, Any]:
        """Draws the options of this kind for one trial of a search.

        Args:
            hp: the hyperparameters of the trial, named by keys of the training file with the kind
                in between, `fusion.KIND.OPTION`.
            names: the features.
        """
        del hp, names
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "names": self.names}
