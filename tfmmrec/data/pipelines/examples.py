"""Training examples: an event, and what its user chose before it, or around it."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.data.pipelines.sampled_nonclicks import NonClickSampler


class TrainingExamples:
    """Every event as an example, in an order that seed and epoch fix.

    Histories stay in memory as arrays, and an example is a slice of them, so that a batch costs a
    gather, and a run that was stopped goes on with the batches that it would have had.

    Args:
        histories: what each user chose in training, oldest first; if it has times, so have the
            examples.
        max_history: how many items are an event's history, at most.
        history_context: `causal`: the last items before the event, as in serving; `bidirectional`:
            half of them before and half behind it, without the event's own item.
        batch_size: events a batch; the last events of an epoch that fill no batch are left out.
        seed: of the order.
        outcomes: the events; by default, all of the histories.
        unchosen: draws an item that was not chosen beside each event (default none).
        steps_per_epoch: batches an epoch (default: each event once, as far as they fill batches).
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
        unchosen: NonClickSampler | None = None,
        steps_per_epoch: int | None = None,
    ):
        outcomes = outcomes or _choices(histories)
        self.num_events = len(outcomes)
        self.batch_size = min(batch_size, self.num_events)
        fits = self.num_events // self.batch_size if self.num_events else 0
        self.steps_per_epoch = fits if steps_per_epoch is None else steps_per_epoch
        self._seed = seed
        self._history_context = history_context
        self._unchosen = unchosen
        # The places of a history, seen from the event and from what stands behind it; what came
        # just before the event always is the last.
        half = max_history if history_context == "causal" else max_history // 2
        self._before = tf.range(-half, 0)
        self._behind = tf.range(max_history - half - 1, -1, -1)
        # One past the last, so that there is something to gather where nobody chose anything.
        self._items = tf.constant(np.append(histories.items, -1), tf.int32)
        self._offsets = tf.constant(histories.offsets, tf.int32)
        self._times = None
        if histories.times is not None:
            self._times = tf.constant(np.append(histories.times, 0), tf.int64)
        self._events = {
            "user": tf.constant(outcomes.user, tf.int32),
            "item": tf.constant(outcomes.item, tf.int32),
            "place": tf.constant(outcomes.place, tf.int32),
            "chosen": tf.constant(outcomes.chosen),
            "rating": tf.constant(outcomes.rating, tf.float32),
        }

    def epochs(self, first: int, step: int = 0) -> tf.data.Dataset:
        """Returns the batches of epoch `first`, from `step`, and of all that follow, endless."""
        batches = tf.data.Dataset.range(first, np.iinfo(np.int32).max).flat_map(self._epoch)
        return batches.skip(step).map(self._examples, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def _epoch(self, epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.cast(tf.stack([tf.cast(self._seed, tf.int64), epoch]), tf.int32)
        in_batch = tf.range(self.batch_size, dtype=tf.int64)

        def shuffled(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # One by one through the pipeline, places would cost more than all that is done here.
            places = step * self.batch_size + in_batch
            events = tf.random.experimental.index_shuffle(
                places % self.num_events, seed, tf.cast(self.num_events - 1, tf.int64)
            )
            # What a batch draws is fixed by the epoch and by where in it the batch stands.
            return events, seed + tf.stack([1 + tf.cast(places[0], tf.int32), 0])

        return tf.data.Dataset.range(self.steps_per_epoch).map(shuffled)

    def _examples(self, events: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = {name: tf.gather(column, events) for name, column in self._events.items()}
        user, item, place = batch["user"], batch["item"], batch["place"]
        start, end = tf.gather(self._offsets, user), tf.gather(self._offsets, user + 1)
        here = start + place
        behind = here + tf.cast(batch["chosen"], tf.int32)
        # [batch, max_history]
        places = tf.concat(
            [behind[:, tf.newaxis] + self._behind, here[:, tf.newaxis] + self._before], axis=1
        )
        mine = (places >= start[:, tf.newaxis]) & (places < end[:, tf.newaxis])
        last = tf.size(self._items) - 1
        held = tf.clip_by_value(places, 0, last)
        history = tf.gather(self._items, held)
        if self._history_context == "bidirectional":
            # What is chosen again and again would be told by itself.
            mine &= history != item[:, tf.newaxis]
            # Around an event stands all else that its user chose.
            batch["place"] = end - start
        batch["history"] = tf.where(mine, history, -1)
        if self._times is not None:
            batch["history_time"] = tf.where(mine, tf.gather(self._times, held), 0)
        if self._unchosen is None:
            return batch
        drawn = {
            **batch,
            "item": self._unchosen.draw(user, seed),
            "chosen": tf.zeros_like(batch["chosen"]),
            "rating": tf.fill(tf.shape(item), np.float32(np.nan)),
        }
        return {name: tf.concat([batch[name], drawn[name]], axis=0) for name in batch}


def _choices(histories: Histories) -> LabeledEvents:
    """All that histories hold, as events."""
    lengths = np.diff(histories.offsets)
    users = np.repeat(np.arange(len(lengths)), lengths)
    return LabeledEvents(
        user=users,
        item=histories.items,
        place=np.arange(len(users)) - histories.offsets[users],
        chosen=np.ones(len(users), bool),
        rating=np.full(len(users), np.nan, np.float32),
    )
