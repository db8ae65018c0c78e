"""Training examples: an event, and what its user chose before it, or around it."""

import numpy as np
import tensorflow as tf

from tfmmrec.dataset import Histories

CONTEXTS = ("before", "around")


class TrainingExamples:
    """Every event of the histories as an example, in an order that seed and epoch fix.

    Histories stay in memory as two arrays, and an example is a slice of them, so that a batch
    costs a gather, and a run that was stopped goes on with the batches that it would have had.

    Args:
        histories: what each user chose in training, oldest first.
        max_history: how many items are an event's history, at most.
        context: `before`: the last items before the event, as serving sees them; `around`: half of
            them before and half behind it, without the event's own item.
        batch_size: events a batch; the last events of an epoch that fill no batch are left out.
        seed: of the order.
    """

    def __init__(
        self,
        histories: Histories,
        *,
        max_history: int,
        batch_size: int,
        seed: int,
        context: str = "before",
    ):
        self.num_events = len(histories.items)
        self.batch_size = min(batch_size, self.num_events)
        self.steps_per_epoch = self.num_events // self.batch_size if self.num_events else 0
        self._seed = seed
        self._context = context
        # The places of a history, seen from the event; what came just before it always is the last.
        if context == "before":
            self._offsets = tf.range(-max_history, 0)
        else:
            half = max_history // 2
            behind = tf.range(max_history - half, 0, -1)
            self._offsets = tf.concat([behind, tf.range(-half, 0)], axis=0)
        lengths = np.diff(histories.offsets)
        self._items = tf.constant(histories.items, tf.int32)
        self._users = tf.constant(np.repeat(np.arange(len(lengths)), lengths), tf.int32)
        self._starts = tf.constant(np.repeat(histories.offsets[:-1], lengths), tf.int32)
        self._ends = tf.constant(np.repeat(histories.offsets[1:], lengths), tf.int32)

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches of epoch `first`, from `step`, and of all that follow, endless."""
        batches = tf.data.Dataset.range(first, np.iinfo(np.int32).max).flat_map(self._epoch)
        return batches.skip(step).map(self._examples, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _epoch(self, epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.stack([tf.cast(self._seed, tf.int64), epoch])
        steps = tf.data.Dataset.range(self.steps_per_epoch * self.batch_size)
        return steps.batch(self.batch_size, drop_remainder=True).map(
            lambda places: tf.random.experimental.index_shuffle(
                places, tf.cast(seed, tf.int32), tf.cast(self.num_events - 1, tf.int64)
            )
        )

    def _examples(self, events: tf.Tensor) -> dict[str, tf.Tensor]:
        item = tf.gather(self._items, events)
        here = tf.cast(events, tf.int32)
        start, end = tf.gather(self._starts, events), tf.gather(self._ends, events)
        # [batch, max_history]
        places = here[:, tf.newaxis] + self._offsets
        mine = (places >= start[:, tf.newaxis]) & (places < end[:, tf.newaxis])
        last = self.num_events - 1
        history = tf.gather(self._items, tf.clip_by_value(places, 0, last))
        if self._context == "around":
            # What is chosen again and again would be told by itself.
            mine &= history != item[:, tf.newaxis]
        return {
            "history": tf.where(mine, history, -1),
            "user": tf.gather(self._users, events),
            "item": item,
            # Around an event stands all else that its user chose.
            "place": (here if self._context == "before" else end) - start,
        }
