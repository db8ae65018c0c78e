"""Training examples for readers that learn at every place of a history at once."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories


class TrainingWindows:
    """Every event of the histories once an epoch, in windows of a user's events.

    A window has `length` places; at each stands an item, and what its user chose next. Histories
    are cut into windows anew in each epoch, at places that seed and epoch fix, as is the order, so
    that each event comes to stand behind long and short pasts, and a run that was stopped goes on
    with the batches that it would have had.

    Args:
        histories: what each user chose in training, oldest first; if it has times, so have the
            windows.
        length: the places of a window.
        batch_size: events a batch, on average; a batch has as many windows as hold so many.
        seed: of the cuts and the order.
    """

    def __init__(self, histories: Histories, *, length: int, batch_size: int, seed: int):
        lengths = np.diff(histories.offsets)
        self.num_events = int(lengths.sum())
        # Cut anywhere, m events lie in at most ⌊m / length⌋ + 1 windows.
        counts = np.where(lengths > 0, lengths // length + 1, 0)
        num_windows = int(counts.sum())
        windows = round(batch_size * num_windows / max(1, self.num_events))
        self.batch_size = int(np.clip(windows, 1, max(1, num_windows)))
        self.steps_per_epoch = num_windows // self.batch_size
        self._num_windows = num_windows
        self._seed = seed
        self._length = length
        self._items = tf.constant(histories.items, tf.int32)
        self._times = None
        if histories.times is not None:
            self._times = tf.constant(histories.times, tf.int64)
        self._offsets = tf.constant(histories.offsets, tf.int32)
        self._users = tf.constant(np.repeat(np.arange(len(lengths)), counts), tf.int32)
        first = np.cumsum(counts) - counts
        numbers = np.arange(num_windows) - np.repeat(first, counts)
        self._numbers = tf.constant(numbers, tf.int32)
        # How far to the left the windows of a user may be moved, and still hold all events.
        self._room = tf.constant(counts * length - lengths, tf.float32)

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches of epoch `first`, from `step`, and of all that follow, endless."""
        batches = tf.data.Dataset.range(first, np.iinfo(np.int32).max).flat_map(self._epoch)
        return batches.skip(step).prefetch(tf.data.AUTOTUNE)

    def _epoch(self, epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.cast(tf.stack([tf.cast(self._seed, tf.int64), epoch]), tf.int32)
        draws = tf.random.stateless_uniform(tf.shape(self._room), seed)
        moved = tf.cast(tf.floor(draws * (self._room + 1.0)), tf.int32)
        starts = tf.gather(self._offsets, self._users) + self._numbers * self._length
        starts -= tf.gather(moved, self._users)
        in_batch = tf.range(self.batch_size, dtype=tf.int64)

        def examples(step: tf.Tensor) -> dict[str, tf.Tensor]:
            places = step * self.batch_size + in_batch
            last = tf.cast(self._num_windows - 1, tf.int64)
            windows = tf.random.experimental.index_shuffle(places, seed, last)
            return self._examples(tf.gather(self._users, windows), tf.gather(starts, windows))

        return tf.data.Dataset.range(self.steps_per_epoch).map(examples, tf.data.AUTOTUNE)

    def _examples(self, users: tf.Tensor, starts: tf.Tensor) -> dict[str, tf.Tensor]:
        # [batch, length]
        events = starts[:, tf.newaxis] + tf.range(self._length)
        first = tf.gather(self._offsets, users)[:, tf.newaxis]
        end = tf.gather(self._offsets, users + 1)[:, tf.newaxis]

        def held(column: tf.Tensor, places: tf.Tensor, nothing: int) -> tf.Tensor:
            values = tf.gather(column, tf.clip_by_value(places, 0, self.num_events - 1))
            # The last event is chosen behind the item before it, and is history to none here.
            return tf.where((places >= first) & (places < end) & (events < end), values, nothing)

        batch = {
            "history": held(self._items, events - 1, -1),
            "user": users,
            "item": held(self._items, events, -1),
            "place": events - first,
        }
        if self._times is not None:
            batch["history_time"] = held(self._times, events - 1, 0)
        return batch
