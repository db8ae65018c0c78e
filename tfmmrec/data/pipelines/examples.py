"""Training examples of one target item each, with the history before (or around) it."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.autotune import PARALLEL_CALLS, READY_BATCHES, without_autotune
from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.data.pipelines.sampled_dislikes import DislikeSampler
from tfmmrec.data.pipelines.sampled_nonclicks import NonClickSampler


class TrainingExamples:
    """Training batches with one event per example, shuffled by seed and epoch.

    Histories are held in memory as arrays and sliced by `tf.gather`. The order depends on seed and
    epoch only, so a resumed run gets the batches that an uninterrupted one would.

    Args:
        histories: the users' training histories; if they have times, so do the batches, and if they
            have weights, so do batches of all events of the histories.
        max_history: maximum number of items of an example's history.
        history_context: `causal` uses the last items before the event, as in serving;
            `bidirectional` uses half of them before and half after it, without the event's own
            item.
        batch_size: events per batch; the remainder of an epoch is dropped.
        seed: of the shuffle.
        outcomes: the events (default: all events of the histories).
        nonclick_sampler: adds a sampled non-click for each event (default None).
        dislike_sampler: adds a disliked item to each event (default None).
        steps_per_epoch: batches per epoch (default: the number of full batches of all events).
    """

    def __init__(
        self,
        histories: Histories,
        *,
        max_history: int,
        batch_size: int,
        seed: int,
        history_context: str = "causal",
        outcomes: LabeledEvents | None = None,
        nonclick_sampler: NonClickSampler | None = None,
        dislike_sampler: DislikeSampler | None = None,
        steps_per_epoch: int | None = None,
    ):
        weights = histories.weights if outcomes is None else None
        outcomes = outcomes or _all_events(histories)
        self.num_events = len(outcomes)
        self.batch_size = min(batch_size, self.num_events)
        num_full = self.num_events // self.batch_size if self.num_events else 0
        self.steps_per_epoch = num_full if steps_per_epoch is None else steps_per_epoch
        self._seed = seed
        self._history_context = history_context
        self._nonclick_sampler = nonclick_sampler
        self._dislike_sampler = dislike_sampler
        # Positions of the history's items relative to the event and to the one after it; the item
        # just before the event always comes last.
        half = max_history if history_context == "causal" else max_history // 2
        self._earlier = tf.range(-half, 0)
        self._later = tf.range(max_history - half - 1, -1, -1)
        # With one more element, so that the gather is valid without any event.
        self._items = tf.constant(np.append(histories.items, -1), tf.int32)
        self._offsets = tf.constant(histories.offsets, tf.int32)
        self._times = None
        if histories.times is not None:
            self._times = tf.constant(np.append(histories.times, 0), tf.int64)
        self._events = {
            "user": tf.constant(outcomes.user, tf.int32),
            "item": tf.constant(outcomes.item, tf.int32),
            "num_earlier": tf.constant(outcomes.num_earlier, tf.int32),
            "clicked": tf.constant(outcomes.clicked),
            "rating": tf.constant(outcomes.rating, tf.float32),
        }
        if weights is not None:
            self._events["weight"] = tf.constant(weights, tf.float32)

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches of epoch `first` from `step` on, then all later epochs, endlessly."""
        batches = tf.data.Dataset.range(first, np.iinfo(np.int32).max).flat_map(self._epoch)
        batches = batches.skip(step).map(self._examples, PARALLEL_CALLS)
        return without_autotune(batches.prefetch(READY_BATCHES))

    def _epoch(self, epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.cast(tf.stack([tf.cast(self._seed, tf.int64), epoch]), tf.int32)
        in_batch = tf.range(self.batch_size, dtype=tf.int64)

        def shuffled(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # Vectorized: a pipeline of single events would cost more than all other work here.
            positions = step * self.batch_size + in_batch
            events = tf.random.experimental.index_shuffle(
                positions % self.num_events, seed, tf.cast(self.num_events - 1, tf.int64)
            )
            # The seed of the sampler depends on the epoch and on the batch within it.
            return events, seed + tf.stack([1 + tf.cast(positions[0], tf.int32), 0])

        return tf.data.Dataset.range(self.steps_per_epoch).map(shuffled)

    def _examples(self, events: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = {name: tf.gather(column, events) for name, column in self._events.items()}
        user, item = batch["user"], batch["item"]
        start, end = tf.gather(self._offsets, user), tf.gather(self._offsets, user + 1)
        event = start + batch["num_earlier"]
        next_event = event + tf.cast(batch["clicked"], tf.int32)
        # [batch, max_history]
        positions = tf.concat(
            [next_event[:, tf.newaxis] + self._later, event[:, tf.newaxis] + self._earlier], axis=1
        )
        is_own = (positions >= start[:, tf.newaxis]) & (positions < end[:, tf.newaxis])
        positions = tf.clip_by_value(positions, 0, tf.size(self._items) - 1)
        history = tf.gather(self._items, positions)
        if self._history_context == "bidirectional":
            # An item that a user interacts with repeatedly would be predicted from itself.
            is_own &= history != item[:, tf.newaxis]
            # The context of an event is the whole history.
            batch["num_earlier"] = end - start
        batch["history"] = tf.where(is_own, history, -1)
        if self._times is not None:
            batch["history_time"] = tf.where(is_own, tf.gather(self._times, positions), 0)
        if self._dislike_sampler is not None:
            batch = self._dislike_sampler.add_to(batch, seed)
        if self._nonclick_sampler is None:
            return batch
        nonclicks = {
            **batch,
            "item": self._nonclick_sampler.draw(user, seed),
            "clicked": tf.zeros_like(batch["clicked"]),
            "rating": tf.fill(tf.shape(item), np.float32(np.nan)),
        }
        return {name: tf.concat([batch[name], nonclicks[name]], axis=0) for name in batch}


def _all_events(histories: Histories) -> LabeledEvents:
    """Returns all events of the histories as positives without ratings."""
    lengths = np.diff(histories.offsets)
    users = np.repeat(np.arange(len(lengths)), lengths)
    return LabeledEvents(
        user=users,
        item=histories.items,
        num_earlier=np.arange(len(users)) - histories.offsets[users],
        clicked=np.ones(len(users), bool),
        rating=np.full(len(users), np.nan, np.float32),
    )
