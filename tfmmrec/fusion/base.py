"""Feature-level fusion: one vector out of the vectors of an item's modalities."""

from collections.abc import Sequence
from typing import Any

import keras_tuner
import tensorflow as tf

from tfmmrec.registry import Registry

FUSIONS: "Registry[Fusion]" = Registry("fusion")


class Fusion(tf.keras.layers.Layer):
    """A layer `(vectors [batch, features, dim], mask [batch, features]) -> [batch, dim]`.

    What a vector says where the mask is False must not reach the output.

    Args:
        names: the features, in the order of the vectors' second axis.
    """

    def __init__(self, names: Sequence[str], **kwargs: Any):
        super().__init__(**kwargs)
        self.names = list(names)

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters, names: Sequence[str]) -> dict[str, Any]:
        """Draws the options of this kind of fusion for one trial of a search."""
        del hp, names
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "names": self.names}
