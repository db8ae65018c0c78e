"""Item id embedding with a gate that depends on the number of training events of the item."""

from typing import Any

import tensorflow as tf

from tfmmrec.distribute.stateless_random import keep_mask
from tfmmrec.layers.build_layer import build_layer


@tf.keras.utils.register_keras_serializable("tfmmrec")
class GatedIdEmbedding(tf.keras.layers.Layer):
    """Id embedding of an item, and a gate that opens with its number of training events.

    `gate(n) = sigmoid(slope · log(1 + n) + bias)`: an item with few events relies on its content,
    an item with many events on its id. Slope and bias are learned and start at 1 and −1, so that
    the gate starts at 0.42 for 1 event, 0.80 for 10 events and 0.97 for 100 events.

    Args:
        num_items: the number of items in the catalog. The table has one more row, row 0, for
            unknown ids.
        dim: the width of the embeddings.
        dropout: the probability, in training, that the id of an item is dropped, so that its
            content alone must represent it (DropoutNet, Volkovs et al. 2017; default 0.3).

    Example:
        >>> layer = GatedIdEmbedding(num_items=3, dim=2)
        >>> embeddings, gates, mask = layer(
        ...     tf.constant([1, 0]), tf.constant([100.0, 0.0]), tf.constant([True, True]))
        >>> embeddings.shape, gates.shape, mask.numpy().tolist()
        (TensorShape([2, 2]), TensorShape([2, 1]), [True, False])
    """

    def __init__(self, num_items: int, dim: int, *, dropout: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_items = num_items
        self.dim = dim
        self.dropout = dropout
        # Row 0 stands for every item without training events, and is masked.
        self.table = tf.keras.layers.Embedding(num_items + 1, dim, name="ids")

    def build(self, input_shape: Any) -> None:
        constant = tf.keras.initializers.Constant
        self.slope = self.add_weight(name="slope", shape=[], initializer=constant(1.0))
        self.bias = self.add_weight(name="bias", shape=[], initializer=constant(-1.0))
        build_layer(self.table, input_shape)
        super().build(input_shape)

    def call(
        self,
        rows: tf.Tensor,
        counts: tf.Tensor,
        replaceable: tf.Tensor,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Looks up id embeddings.

        Args:
            rows: int32 `[batch]`, 1 + the item's row if its id is known, else 0.
            counts: float `[batch]`, the number of training events of the item.
            replaceable: bool `[batch]`, whether the item has content, which can replace the id;
                only those ids are dropped.
            training: whether ids are dropped.

        Returns:
            Embeddings `[batch, dim]`, gates `[batch, 1]`, and a mask, bool `[batch]`, of ids that
            are known and not dropped.
        """
        known = rows > 0
        if training and self.dropout:
            known &= keep_mask(tf.shape(rows), self.dropout) | ~replaceable
        logits = tf.cast(tf.math.log1p(counts), self.compute_dtype) * self.slope + self.bias
        return self.table(rows), tf.sigmoid(logits)[:, tf.newaxis], known

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "dim": self.dim,
            "dropout": self.dropout,
        }
