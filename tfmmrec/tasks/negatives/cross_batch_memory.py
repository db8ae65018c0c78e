"""Cross-batch memory (XBM): item embeddings of earlier batches as further negatives."""

import numpy as np
import tensorflow as tf

from tfmmrec.distribute import replicas

# Number of event counts at which the expected number of distinct items is tabulated.
_NUM_POINTS = 512


class CrossBatchMemory(tf.Module):
    """Keeps the item embeddings of recent batches, as negatives without the cost of a tower.

    Embeddings drift slowly, so that those of a few batches ago are still useful (Wang et al. 2020,
    "Cross-batch memory for embedding learning", arXiv:1912.06798; Wang et al. 2021, "Cross-batch
    negative sampling", arXiv:2110.15154). They get no gradient. Each item is kept once, with its
    embedding from the last batch that had it as target item; the least recent items are evicted.

    Args:
        size: number of items to keep.
        width: length of their embeddings.
        counts: number of training events per item, int `[items]`.

    Attributes:
        rows: int32 `[size]`, rows of the items in memory, the most recent first; -1 is empty.
        embeddings: float32 `[size, width]`.
    """

    def __init__(self, size: int, width: int, counts: np.ndarray):
        super().__init__()
        self.rows = tf.Variable(tf.fill([size], -1), trainable=False)
        self.embeddings = tf.Variable(tf.zeros([size, width]), trainable=False)
        num_events, num_distinct = _expected_distinct(counts)
        self._num_events = tf.constant(num_events, tf.float32)
        self._num_distinct = tf.constant(num_distinct, tf.float32)

    def append_to(
        self, rows: tf.Tensor, is_item: tf.Tensor, in_batch: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Appends the memory to the candidates of a batch, without items that are among them.

        Args:
            rows: int32 `[n]`, each item once.
            is_item: bool `[n]`, False for padding.
            in_batch: bool `[n]`, target items of the batch.

        Returns:
            Rows, int32 `[n + size]`; whether each is an item and not padding, bool `[n + size]`;
            and the number of recent events that batch and memory stand for, a scalar.
        """
        # Padding repeats a row that comes earlier, so that a search by row never finds it.
        rows = tf.where(is_item, rows, rows[0])
        is_new = self._not_in(rows)
        is_earlier = self._not_in(tf.where(in_batch, rows, rows[0]))
        num_items = tf.reduce_sum(tf.cast(in_batch, tf.int32))
        num_items += tf.reduce_sum(tf.cast(is_earlier, tf.int32))
        rows = tf.concat([rows, tf.where(is_new, self.rows, rows[0])], axis=0)
        return rows, tf.concat([is_item, is_new], axis=0), self.num_events(num_items)

    def _not_in(self, rows: tf.Tensor) -> tf.Tensor:
        """Items in memory that are not among `rows`, bool `[size]`."""
        ascending = tf.sort(rows)
        positions = tf.minimum(tf.searchsorted(ascending, self.rows), tf.size(rows) - 1)
        return (self.rows >= 0) & (tf.gather(ascending, positions) != self.rows)

    def num_events(self, num_items: tf.Tensor) -> tf.Tensor:
        """The number of events whose expected number of distinct items is `num_items`.

        An item is in memory if one of the last `num_events` events had it, as in a cache that
        evicts the least recently used entry (Che et al. 2002, "Hierarchical web caching systems").

        Args:
            num_items: int32 scalar, number of distinct items in batch and memory.

        Returns:
            A float32 scalar.
        """
        num_items = tf.cast(num_items, tf.float32)
        upper = tf.reduce_sum(tf.cast(self._num_distinct < num_items, tf.int32))
        upper = tf.clip_by_value(upper, 1, len(self._num_distinct) - 1)
        (low, high), (start, end) = (
            (points[upper - 1], points[upper]) for points in (self._num_distinct, self._num_events)
        )
        fraction = tf.math.divide_no_nan(num_items - low, high - low)
        return start + tf.clip_by_value(fraction, 0.0, 1.0) * (end - start)

    def update(self, rows: tf.Tensor, embeddings: tf.Tensor, in_batch: tf.Tensor) -> None:
        """Adds the target items of a batch, which has to be the same on all replicas.

        Args:
            rows: int32 `[n]`, rows of items.
            embeddings: `[n, width]`.
            in_batch: bool `[n]`, target items of the batch, each of them once.
        """
        batch_rows = tf.where(in_batch, rows, rows[0])
        keep = tf.concat([in_batch, self._not_in(batch_rows)], axis=0)
        # Items to keep first, in order, the least recent last.
        order = tf.argsort(tf.cast(~keep, tf.int32), stable=True)[: self.rows.shape[0]]
        all_rows = tf.where(keep, tf.concat([rows, self.rows], axis=0), -1)
        embeddings = tf.stop_gradient(tf.cast(embeddings, tf.float32))
        all_embeddings = tf.concat([embeddings, self.embeddings], axis=0)
        replicas.assign(
            [self.rows, self.embeddings],
            [tf.gather(all_rows, order), tf.gather(all_embeddings, order)],
        )


def _expected_distinct(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The expected number of distinct items by number of events: Σ 1 − (1 − popularity)^events.

    Returns:
        The numbers of events, ascending, and of distinct items, `[points]` each.
    """
    total = max(1, counts.sum())
    # After 20 times the events of training nearly every item has occurred.
    num_events = np.geomspace(1.0, 20.0 * max(2, total), _NUM_POINTS)
    count, num_items = np.unique(counts[counts > 0], return_counts=True)
    log_absence = np.log1p(-np.minimum(count / total, 0.999999))
    num_distinct = [-num_items @ np.expm1(log_absence * num) for num in num_events]
    return num_events, np.array(num_distinct)
