"""Training windows of consecutive events, for history encoders trained at every position."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.autotune import PARALLEL_CALLS, READY_BATCHES, without_autotune
from tfmmrec.data.histories import Histories
from tfmmrec.data.pipelines.sampled_dislikes import DislikeSampler


class TrainingWindows:
    """Training batches of windows of a user's consecutive events, each event once per epoch.

    A window has `length` positions, with an item and the next item of the same user (the target)
    at each. The offsets of the windows and their order depend on seed and epoch: each event is
    predicted from longer and shorter histories, and a resumed run gets the batches that an
    uninterrupted one would.

    Args:
        histories: the users' training histories; if they have times or weights, so do the batches.
        length: number of positions of a window.
        batch_size: average number of events per batch, from which the number of windows per batch
            is computed.
        seed: of the offsets and the order.
        min_windows: the minimum number of windows per batch, such as one for each of several
            devices (default 1).
        multiple_of: what the number of windows per batch is a multiple of (default 1).
        dislike_sampler: adds a disliked item to each window (default None).
    """

    def __init__(
        self,
        histories: Histories,
        *,
        length: int,
        batch_size: int,
        seed: int,
        min_windows: int = 1,
        multiple_of: int = 1,
        dislike_sampler: DislikeSampler | None = None,
    ):
        lengths = np.diff(histories.offsets)
        self.num_events = int(lengths.sum())
        # With any offset, m events lie in at most ⌊m / length⌋ + 1 windows.
        counts = np.where(lengths > 0, lengths // length + 1, 0)
        num_windows = int(counts.sum())
        windows = batch_size * num_windows / max(1, self.num_events)
        windows = max(multiple_of * round(windows / multiple_of), min_windows)
        self.batch_size = max(1, min(windows, num_windows))
        self.steps_per_epoch = num_windows // self.batch_size
        self._num_windows = num_windows
        self._seed = seed
        self._length = length
        self._items = tf.constant(histories.items, tf.int32)
        self._times = None
        if histories.times is not None:
            self._times = tf.constant(histories.times, tf.int64)
        self._weights = None
        if histories.weights is not None:
            self._weights = tf.constant(histories.weights, tf.float32)
        self._dislike_sampler = dislike_sampler
        self._offsets = tf.constant(histories.offsets, tf.int32)
        self._users = tf.constant(np.repeat(np.arange(len(lengths)), counts), tf.int32)
        first = np.cumsum(counts) - counts
        numbers = np.arange(num_windows) - np.repeat(first, counts)
        self._numbers = tf.constant(numbers, tf.int32)
        # Maximum left shift of a user's windows by which they still contain all events.
        self._max_shift = tf.constant(counts * length - lengths, tf.float32)

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches of epoch `first` from `step` on, then all later epochs, endlessly."""
        batches = tf.data.Dataset.range(first, np.iinfo(np.int32).max).flat_map(self._epoch)
        return without_autotune(batches.skip(step).prefetch(READY_BATCHES))

    def _epoch(self, epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.cast(tf.stack([tf.cast(self._seed, tf.int64), epoch]), tf.int32)
        draws = tf.random.stateless_uniform(tf.shape(self._max_shift), seed)
        shift = tf.cast(tf.floor(draws * (self._max_shift + 1.0)), tf.int32)
        starts = tf.gather(self._offsets, self._users) + self._numbers * self._length
        starts -= tf.gather(shift, self._users)
        in_batch = tf.range(self.batch_size, dtype=tf.int64)

        def examples(step: tf.Tensor) -> dict[str, tf.Tensor]:
            positions = step * self.batch_size + in_batch
            last = tf.cast(self._num_windows - 1, tf.int64)
            windows = tf.random.experimental.index_shuffle(positions, seed, last)
            batch = self._examples(tf.gather(self._users, windows), tf.gather(starts, windows))
            if self._dislike_sampler is None:
                return batch
            # The offsets of the windows are drawn by the seed itself.
            own_seed = seed + tf.stack([1 + tf.cast(step, tf.int32), 0])
            return self._dislike_sampler.add_to(batch, own_seed)

        return tf.data.Dataset.range(self.steps_per_epoch).map(examples, PARALLEL_CALLS)

    def _examples(self, users: tf.Tensor, starts: tf.Tensor) -> dict[str, tf.Tensor]:
        # [batch, length]
        events = starts[:, tf.newaxis] + tf.range(self._length)
        first = tf.gather(self._offsets, users)[:, tf.newaxis]
        end = tf.gather(self._offsets, users + 1)[:, tf.newaxis]

        def gather(column: tf.Tensor, positions: tf.Tensor, padding: int) -> tf.Tensor:
            values = tf.gather(column, tf.clip_by_value(positions, 0, self.num_events - 1))
            # Without the user's last event as history, since it has no next item.
            is_valid = (positions >= first) & (positions < end) & (events < end)
            return tf.where(is_valid, values, padding)

        batch = {
            "history": gather(self._items, events - 1, -1),
            "user": users,
            "item": gather(self._items, events, -1),
            "num_earlier": events - first,
        }
        if self._times is not None:
            batch["history_time"] = gather(self._times, events - 1, 0)
        if self._weights is not None:
            batch["weight"] = gather(self._weights, events, 0)
        return batch
