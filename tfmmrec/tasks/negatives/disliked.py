"""Disliked items: explicit negatives of the events of the users who disliked them."""

import dataclasses

import tensorflow as tf

from tfmmrec.distribute import replicas
from tfmmrec.layers.padded_unique import padded_unique


@dataclasses.dataclass(frozen=True)
class Disliked:
    """One disliked item per row of a batch.

    Attributes:
        rows: int32 `[distinct]`, rows of the catalog: disliked items of all replicas, each once.
        positions: int32 `[batch]`, the position among them of the item of each row of the batch.
        weight: float32 `[batch]`, 0 for a row without a disliked item.
    """

    rows: tf.Tensor
    positions: tf.Tensor
    weight: tf.Tensor

    @classmethod
    def of(cls, items: tf.Tensor, weight: tf.Tensor, num_items: int | None) -> "Disliked":
        """Finds the distinct items.

        Args:
            items: int32 `[batch]`, this replica's; -1 is none.
            weight: float32 `[batch]`, 0 for none.
            num_items: number of items in the catalog, for static shapes; None for dynamic ones.
        """
        gathered = replicas.all_gather(tf.maximum(items, 0))
        if num_items is not None:
            # With static shapes all replicas have the same number of rows.
            gathered = tf.ensure_shape(gathered, [items.shape[0] * replicas.num_replicas()])
        rows, positions, _ = padded_unique(gathered, num_items)
        own = replicas.row_offset(items) + tf.range(tf.size(items))
        return cls(rows, tf.gather(positions, own), weight)
