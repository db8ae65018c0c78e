"""The items that earlier batches chose, with the vectors that they had then."""

import numpy as np
import tensorflow as tf

from tfmmrec.distribute import replicas

# Of the numbers of events for which the expected number of items is worked out.
_POINTS = 512


class CrossBatchMemory(tf.Module):
    """Keeps vectors of earlier batches, whose items are negatives that cost no tower.

    Vectors change slowly, so that those of a few batches ago still tell (Wang et al. 2020,
    "Cross-batch memory for embedding learning", arXiv:1912.06798; Wang et al. 2021, "Cross-batch
    negative sampling", arXiv:2110.15154). No gradient reaches them. Each item is kept once, as of
    the last batch that chose it; those whose batch is longest ago make room.

    Args:
        size: how many items are kept.
        width: of their vectors.
        counts: how often training meets each item, int `[items]`.

    Attributes:
        rows: int32 `[size]`, what is kept, the newest first; -1 where nothing is yet.
        vectors: float32 `[size, width]`.
    """

    def __init__(self, size: int, width: int, counts: np.ndarray):
        super().__init__()
        self.rows = tf.Variable(tf.fill([size], -1), trainable=False)
        self.vectors = tf.Variable(tf.zeros([size, width]), trainable=False)
        self._num_items = len(counts)
        events, items = _expected(counts)
        self._events = tf.constant(events, tf.float32)
        self._expected = tf.constant(items, tf.float32)

    def beside(
        self, rows: tf.Tensor, real: tf.Tensor, chosen: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Adds what is kept to the candidates of a batch, from which an item of both is taken.

        Args:
            rows: int32 `[n]`, each item once.
            real: bool `[n]`, which of them fill nothing up.
            chosen: bool `[n]`, which of them the batch chose.

        Returns:
            The rows, `[n + size]`; which of them are no filling; and how many events they come of.
        """
        # What fills up stands behind a row that is there, so that nobody finds it by that row.
        rows = tf.where(real, rows, rows[0])
        others = self._beyond(rows)
        earlier = self._beyond(tf.where(chosen, rows, rows[0]))
        count = tf.reduce_sum(tf.cast(chosen, tf.int32)) + tf.reduce_sum(tf.cast(earlier, tf.int32))
        rows = tf.concat([rows, tf.where(others, self.rows, rows[0])], axis=0)
        return rows, tf.concat([real, others], axis=0), self.num_events(count)

    def _beyond(self, rows: tf.Tensor) -> tf.Tensor:
        """Says which of the kept items are none of the given rows, bool `[size]`."""
        among = tf.scatter_nd(rows[:, tf.newaxis], tf.ones_like(rows), [self._num_items])
        return (self.rows >= 0) & (tf.gather(among, tf.maximum(self.rows, 0)) == 0)

    def num_events(self, num_items: tf.Tensor) -> tf.Tensor:
        """How many events it takes to meet so many items on average, a float32 scalar.

        An item is kept if one of the last so many events chose it, as in a cache that drops what
        was asked for least lately (Che et al. 2002, "Hierarchical web caching systems").
        """
        found = tf.cast(num_items, tf.float32)
        place = tf.reduce_sum(tf.cast(self._expected < found, tf.int32))
        place = tf.clip_by_value(place, 1, len(self._expected) - 1)
        (low, high), (start, end) = (
            (points[place - 1], points[place]) for points in (self._expected, self._events)
        )
        share = tf.clip_by_value(tf.math.divide_no_nan(found - low, high - low), 0.0, 1.0)
        return start + share * (end - start)

    def remember(self, rows: tf.Tensor, vectors: tf.Tensor, chosen: tf.Tensor) -> None:
        """Takes in a batch, the same on all replicas.

        Args:
            rows: int32 `[n]`.
            vectors: `[n, width]`.
            chosen: bool `[n]`, which of them the batch chose; these are given once each.
        """
        ours = tf.where(chosen, rows, rows[0])
        kept = tf.concat([chosen, self._beyond(ours)], axis=0)
        # What is to be kept comes first, in order, what is longest ago last.
        order = tf.argsort(tf.cast(~kept, tf.int32), stable=True)[: self.rows.shape[0]]
        all_rows = tf.where(kept, tf.concat([rows, self.rows], axis=0), -1)
        vectors = tf.stop_gradient(tf.cast(vectors, tf.float32))
        all_vectors = tf.concat([vectors, self.vectors], axis=0)
        replicas.assign(
            [self.rows, self.vectors], [tf.gather(all_rows, order), tf.gather(all_vectors, order)]
        )


def _expected(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many items so many events meet on average: Σ 1 − (1 − share)^events.

    Returns:
        The numbers of events, ascending, and those of the items, each `[points]`.
    """
    total = max(1, counts.sum())
    # Behind so many events nearly all have come.
    events = np.geomspace(1.0, 20.0 * max(2, total), _POINTS)
    met, times = np.unique(counts[counts > 0], return_counts=True)
    missed = np.log1p(-np.minimum(met / total, 0.999999))
    items = [-times @ np.expm1(missed * num) for num in events]
    return events, np.array(items)
