"""Alignment: what modalities say of one item, and of items that the same user chose, agrees."""

import itertools

import numpy as np
import tensorflow as tf

from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.distribute import replicas
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.tasks.losses import info_nce


class Alignment(tf.Module):
    """The alignment losses of a training step.

    Args:
        options: which losses, and how strong.
        tower: the item tower.
        items: the encoded features of every item.
        withheld: bool `[items]`, items that are not drawn, since they stand for items to come.
        fixed_shapes: whether no tensor's shape may depend on what is drawn.
    """

    def __init__(
        self,
        options: ContrastiveConfig,
        tower: ItemTower,
        items: FeatureTable,
        withheld: np.ndarray,
        *,
        fixed_shapes: bool = False,
    ):
        super().__init__()
        self.options = options
        self._rows_below = len(withheld) if fixed_shapes else None
        self._tower = tower
        self._items = items
        self._rows = tf.constant(np.flatnonzero(~withheld), tf.int32)

    def __call__(self, before: tf.Tensor, item: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Gives the weighted sum of the losses, a scalar; of several replicas, each its part.

        Args:
            before: int32 `[batch]`, the row of the item that was chosen before; -1 is none.
            item: int32 `[batch]`, the row of the item that was chosen; -1 is none.
        """
        loss = tf.constant(0.0)
        if self.options.cross_modal:
            loss += self.options.cross_modal * self.between_modalities(training)
        if self.options.co_engagement:
            loss += self.options.co_engagement * self.between_chosen(before, item, training)
        return loss

    def between_modalities(self, training: bool) -> tf.Tensor:
        """The mean InfoNCE over all pairs of modalities, for items drawn from the catalogue."""
        places = replicas.drawn(self.options.num_items, tf.shape(self._rows)[0])
        # Each item once: drawn twice, it would be its own negative.
        drawn, _, real = padded_unique(tf.gather(self._rows, places), self._rows_below)
        rows, real = replicas.share(drawn), replicas.share(real)
        projections = self._tower.projections
        if projections is None:
            return tf.constant(0.0)
        vectors, mask = projections.project(self._items.gather(rows), training=training)
        vectors = tf.cast(vectors, tf.float32)
        losses = [
            info_nce(
                vectors[:, first],
                vectors[:, second],
                mask=mask[:, first] & mask[:, second] & real,
                temperature=self.options.temperature,
            )
            for first, second in itertools.combinations(projections.alignable, 2)
        ]
        return tf.add_n(losses) / len(losses) if losses else tf.constant(0.0)

    def between_chosen(self, before: tf.Tensor, item: tf.Tensor, training: bool) -> tf.Tensor:
        """InfoNCE between the contents of items that were chosen one after the other."""
        first = self._content(tf.maximum(before, 0), training)
        second = self._content(tf.maximum(item, 0), training)
        told = tf.reduce_any(first != 0.0, axis=1) & tf.reduce_any(second != 0.0, axis=1)
        return info_nce(
            first,
            second,
            mask=(before >= 0) & (item >= 0) & told,
            temperature=self.options.temperature,
            same=_same(item) | _same(before),
        )

    def _content(self, rows: tf.Tensor, training: bool) -> tf.Tensor:
        return self._tower.content(self._items.gather(rows), training=training)


def _same(rows: tf.Tensor) -> tf.Tensor:
    """Which rows of all replicas are the same as one's own, bool `[rows, rows of all]`."""
    return rows[:, tf.newaxis] == replicas.gather(rows)[tf.newaxis]
