"""Contrastive losses: between the modalities of an item, and between co-engaged items."""

import itertools

import numpy as np
import tensorflow as tf

from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.distribute import replicas
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.tasks.info_nce import info_nce


class ContrastiveAlignment(tf.Module):
    """The contrastive losses of a training step.

    Args:
        options: the key `contrastive` of the training file.
        tower: the item tower.
        items: the encoded features of the catalog.
        withheld: bool `[items]`, items that are not drawn, since they stand for future items.
        static_shapes: whether shapes must not depend on the items that are drawn.
    """

    def __init__(
        self,
        options: ContrastiveConfig,
        tower: ItemTower,
        items: FeatureTable,
        withheld: np.ndarray,
        *,
        static_shapes: bool = False,
    ):
        super().__init__()
        self.options = options
        self._num_items = len(withheld) if static_shapes else None
        self._tower = tower
        self._items = items
        self._rows = tf.constant(np.flatnonzero(~withheld), tf.int32)

    def __call__(
        self, previous_item: tf.Tensor, item: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Computes the weighted sum of the losses, a scalar; with several replicas, one part.

        Args:
            previous_item: int32 `[events]`, row of the item before the event; -1 is none.
            item: int32 `[events]`, row of the item of the event; -1 is none.
            training: whether dropout is applied.
        """
        loss = tf.constant(0.0)
        if self.options.cross_modal:
            loss += self.options.cross_modal * self.cross_modal(training)
        if self.options.co_engagement:
            co_engagement = self.co_engagement(previous_item, item, training)
            loss += self.options.co_engagement * co_engagement
        return loss

    def cross_modal(self, training: bool) -> tf.Tensor:
        """The mean InfoNCE over all pairs of modalities, for items drawn from the catalog."""
        drawn = replicas.draw_integers(self.options.num_items, tf.shape(self._rows)[0])
        # Each item once: otherwise it would be its own negative.
        rows, _, is_item = padded_unique(tf.gather(self._rows, drawn), self._num_items)
        rows, is_item = replicas.local_slice(rows), replicas.local_slice(is_item)
        projections = self._tower.projections
        if projections is None:
            return tf.constant(0.0)
        # [items, names, dim] and [items, names]
        vectors, mask = projections.project(self._items.gather(rows), training=training)
        vectors = tf.cast(vectors, tf.float32)
        losses = [
            info_nce(
                vectors[:, first],
                vectors[:, second],
                mask=mask[:, first] & mask[:, second] & is_item,
                temperature=self.options.temperature,
            )
            for first, second in itertools.combinations(projections.contrastive_features, 2)
        ]
        return tf.add_n(losses) / len(losses) if losses else tf.constant(0.0)

    def co_engagement(self, previous_item: tf.Tensor, item: tf.Tensor, training: bool) -> tf.Tensor:
        """InfoNCE between the content embeddings of two successive items of a user."""
        first = self._content(tf.maximum(previous_item, 0), training)
        second = self._content(tf.maximum(item, 0), training)
        has_content = tf.reduce_any(first != 0.0, axis=1) & tf.reduce_any(second != 0.0, axis=1)
        return info_nce(
            first,
            second,
            mask=(previous_item >= 0) & (item >= 0) & has_content,
            temperature=self.options.temperature,
            same=_same_item(item) | _same_item(previous_item),
        )

    def _content(self, rows: tf.Tensor, training: bool) -> tf.Tensor:
        return self._tower.content(self._items.gather(rows), training=training)


def _same_item(rows: tf.Tensor) -> tf.Tensor:
    """Which events of all replicas have the same item, bool `[events, events of all replicas]`."""
    return rows[:, tf.newaxis] == replicas.all_gather(rows)[tf.newaxis]
