"""What an item's id has learnt, by how often the item was chosen."""

from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import keep_mask
from tfmmrec.layers.build_layer import build_layer


@tf.keras.utils.register_keras_serializable("tfmmrec")
class GatedIds(tf.keras.layers.Layer):
    """A vector an id, times a gate that opens with the number of times the item was chosen.

    `gate(n) = sigmoid(slope · log(1 + n) + bias)`: what was chosen a few times leans on its
    content, what was chosen often on its id. Slope and bias are learned, from 1 and −1: the gate
    starts at 0.42 for one choice, 0.80 for ten, 0.97 for a hundred.

    Args:
        num_items: rows of the table, without the row 0 of what is not known.
        dim: the width of the vectors.
        dropout: in training, the chance that an id is left out, so that content alone has to carry
            the item (DropoutNet, Volkovs et al. 2017; default 0.3).
    """

    def __init__(self, num_items: int, dim: int, *, dropout: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_items = num_items
        self.dim = dim
        self.dropout = dropout
        # Row 0 stands for every item that training never met, and adds nothing.
        self.table = tf.keras.layers.Embedding(num_items + 1, dim, name="ids")

    def build(self, input_shape: Any) -> None:
        one = tf.keras.initializers.Constant
        self.slope = self.add_weight(name="slope", shape=[], initializer=one(1.0))
        self.bias = self.add_weight(name="bias", shape=[], initializer=one(-1.0))
        build_layer(self.table, input_shape)
        super().build(input_shape)

    def call(
        self,
        rows: tf.Tensor,
        counts: tf.Tensor,
        replaceable: tf.Tensor,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Looks ids up.

        Args:
            rows: int32 `[batch]`, 1 + the item's row where its id is known, else 0.
            counts: float `[batch]`, how often the item was chosen in training.
            replaceable: bool `[batch]`, whether the item has content that can do without the id;
                only those ids are dropped.

        Returns:
            (vectors `[batch, dim]`, gates `[batch, 1]`, mask bool `[batch]` of ids that count).
        """
        known = rows > 0
        if training and self.dropout:
            known &= keep_mask(tf.shape(rows), self.dropout) | ~replaceable
        opening = tf.cast(tf.math.log1p(counts), self.compute_dtype) * self.slope + self.bias
        return self.table(rows), tf.sigmoid(opening)[:, tf.newaxis], known

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "dim": self.dim,
            "dropout": self.dropout,
        }
