"""What a chosen item is told from: the candidates of a softmax, and how likely each was to come."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.distribute import replicas
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.tasks.negatives.cross_batch_memory import CrossBatchMemory
from tfmmrec.tasks.negatives.false_negative_mask import NEVER, FalseNegativeMask
from tfmmrec.tasks.negatives.mined import MinedNegatives

# The log of a chance that leaves nothing of a logit, in numbers that float32 holds.
_ALWAYS = 1e9


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The items of a softmax.

    Attributes:
        rows: int32 `[candidates]`, each item once.
        log_chances: float32 `[candidates]`, the log of the chance that each was among them.
        labels: int32 `[events]`, where among them each event's item stands.
        asked: int32 `[asked]`, the first of the rows, whose vectors the towers are asked for; those
            behind them are the memory's.
        chosen: bool `[asked]`, which the batch chose; None without a memory.
    """

    rows: tf.Tensor
    log_sampling_probability: tf.Tensor
    labels: tf.Tensor
    asked: tf.Tensor
    chosen: tf.Tensor | None = None


class Negatives(tf.Module):
    """Draws the candidates of each step.

    Args:
        options: which.
        histories: what each user chose in training, oldest first.
        num_items: rows of the catalogue.
        fixed_shapes: whether the shape of the candidates must not depend on what is in a batch.

    Attributes:
        memory: vectors of earlier batches; None outside of a training, or without the option.
        mined: the hardest negatives of each user; None likewise.
    """

    memory: CrossBatchMemory | None = None
    mined: MinedNegatives | None = None

    def __init__(
        self,
        options: NegativesConfig,
        histories: Histories,
        num_items: int,
        *,
        fixed_shapes: bool = False,
    ):
        super().__init__()
        self.options = options
        self.fixed_shapes = fixed_shapes
        self._longest = int(np.diff(histories.offsets).max(initial=0))
        self._counts = counts = histories.counts(num_items)
        known = np.flatnonzero(counts)
        self._known = tf.constant(known, tf.int32)
        self._places = _places(self._known, num_items)
        self._shares = tf.constant(counts / max(1, counts.sum()), tf.float32)
        self._items = tf.constant(histories.items, tf.int32)
        self._first = tf.constant(_first_places(histories), tf.int32)
        self._splits = tf.constant(histories.offsets, tf.int32)

    def begin(self, width: int) -> None:
        """Makes what a training holds from step to step, for vectors of so many numbers."""
        options = self.options
        if options.cross_batch_memory_size:
            self.memory = CrossBatchMemory(
                min(options.cross_batch_memory_size, len(self._known)), width, self._counts
            )
        if options.num_mined:
            num_users = len(self._splits) - 1
            self.mined = MinedNegatives(
                num_users, num=options.num_mined, among=options.mining_top_k
            )

    def end(self) -> None:
        """Drops it, since what was trained does without."""
        if self.memory is not None:
            del self.memory
        if self.mined is not None:
            del self.mined

    def __call__(self, chosen: tf.Tensor, users: tf.Tensor | None = None) -> Candidates:
        """Gives the candidates for the items that a batch chose, int32 `[events]`.

        Where shapes are fixed there may be -1 among them, for no event; its label says nothing.

        All replicas get the same ones, those that the whole batch chose and those that each drew
        for all, with the places of their own events among them.

        Args:
            chosen: int32 `[events]`.
            users: int32 `[batch]`, rows of users, for what was mined for them.
        """
        if self.options.source == "full_catalog":
            if self.fixed_shapes:
                chosen, _ = _without_gaps(chosen)
            labels = tf.gather(self._places, chosen)
            return Candidates(self._known, tf.zeros(tf.shape(self._known)), labels, self._known)
        everywhere = self._everywhere(chosen)
        num_events = tf.size(everywhere)
        if self.fixed_shapes:
            everywhere, num_events = _without_gaps(everywhere)
        mined = None
        if self.mined is not None and users is not None:
            mined = self._everywhere(self.mined.draw(users))
        rows, places, real = self._asked(everywhere, mined)
        own = replicas.first_place(chosen) + tf.range(tf.size(chosen))
        found, here, events = rows, None, num_events
        if self.memory is not None:
            here = tf.range(tf.size(rows)) <= tf.reduce_max(places[: tf.size(everywhere)])
            found, real, events = self.memory.beside(rows, real, here)
        # What fills up stands for no item, as if it came infinitely often.
        log_sampling_probability = tf.where(
            real, self.log_sampling_probability(found, events), _ALWAYS
        )
        if mined is not None:
            log_sampling_probability = _certain(
                log_sampling_probability, places[-_size(mined) :], mined >= 0
            )
        return Candidates(found, log_sampling_probability, tf.gather(places, own), rows, here)

    def _everywhere(self, rows: tf.Tensor) -> tf.Tensor:
        gathered = replicas.gather(rows)
        if self.fixed_shapes:
            # Parts whose size is known are of one size.
            gathered = tf.ensure_shape(gathered, [rows.shape[0] * replicas.count()])
        return gathered

    def _asked(
        self, everywhere: tf.Tensor, mined: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Items of the batch, drawn and mined items, each once, as `padded_unique` does."""
        num_drawn = self.options.num_uniform
        drawn = replicas.drawn(num_drawn, tf.size(self._known))
        asked = [everywhere, tf.gather(self._known, drawn)]
        if mined is not None:
            asked.append(tf.where(mined >= 0, mined, everywhere[0]))
        below = self._places.shape[0] if self.fixed_shapes else None
        return padded_unique(tf.concat(asked, axis=0), below)

    def log_sampling_probability(self, rows: tf.Tensor, num_events: tf.Tensor) -> tf.Tensor:
        """The log of the chance that items are candidates of a batch of so many events.

        It is 1 − (1 − share)^events · (1 − 1 / known)^uniform: an item is in the batch once,
        however often it was chosen there. With a memory, events are those that it looks back on.
        """
        shares = tf.gather(self._shares, rows)
        missed = tf.cast(num_events, tf.float32) * tf.math.log1p(-tf.minimum(shares, 0.999999))
        missed += self.options.num_uniform * np.log1p(-1.0 / max(2, len(self._known)))
        return tf.math.log(-tf.math.expm1(tf.minimum(missed, -1e-9)))

    def spared(
        self, candidates: Candidates, users: tf.Tensor, events: tf.Tensor, places: tf.Tensor
    ) -> FalseNegativeMask | None:
        """Says which candidates are no negatives of an event, though not its own item.

        Args:
            candidates: of the batch.
            users: int32 `[batch]`, rows of users.
            events: int32 `[events]`, which user of the batch each event is of.
            places: int32 `[events]`, how many events of its user came before it.

        Returns:
            `spared[3:5]` for those of the fourth and fifth event; None where there are none.
        """
        if self.options.mask_positives == "none":
            return None
        if self.options.mask_positives == "all":
            places = tf.fill(tf.shape(places), NEVER)
        num_candidates = tf.size(candidates.rows)
        columns = _places(candidates.rows, tf.size(self._places))
        return FalseNegativeMask(
            self._items,
            self._first,
            self._splits,
            # Behind the candidates is a column for all other items.
            tf.where(columns >= 0, columns, num_candidates),
            num_candidates,
            users,
            events,
            places,
            self._longest if self.fixed_shapes else None,
        )


def _first_places(histories: Histories) -> np.ndarray:
    """For each event of the histories, the place at which its user chose the item first."""
    lengths = np.diff(histories.offsets)
    places = np.arange(len(histories.items)) - np.repeat(histories.offsets[:-1], lengths)
    users = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    pairs = users * (1 + int(histories.items.max(initial=0))) + histories.items
    _, first, same = np.unique(pairs, return_index=True, return_inverse=True)
    return places[first][same]


def _certain(log_sampling_probability: tf.Tensor, places: tf.Tensor, mined: tf.Tensor) -> tf.Tensor:
    """Log chances `[candidates]` with 0 at the places of what was mined.

    That is there for certain, for the user whom it was mined for, and weighs one as the chosen item
    does; for all others as well, since the inverse of a small chance would weigh too much.
    """
    there = tf.scatter_nd(
        places[:, tf.newaxis], tf.cast(mined, tf.int32), tf.shape(log_sampling_probability)
    )
    return tf.where(there > 0, 0.0, log_sampling_probability)


def _size(rows: tf.Tensor) -> int | tf.Tensor:
    return tf.size(rows) if rows.shape[0] is None else rows.shape[0]


def _without_gaps(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Puts the first item that was chosen where none was; returns how many were, as well."""
    here = chosen >= 0
    first = tf.maximum(tf.gather(chosen, tf.argmax(tf.cast(here, tf.int32))), 0)
    return tf.where(here, chosen, first), tf.math.count_nonzero(here, dtype=tf.int32)


def _places(rows: tf.Tensor, num_items: int | tf.Tensor) -> tf.Tensor:
    """Where each item stands among some rows, int32 `[items]`; -1 where it does not."""
    # The first place, since a row that fills up stands behind what is there.
    first = tf.fill([num_items], NEVER)
    first = tf.tensor_scatter_nd_min(first, rows[:, tf.newaxis], tf.range(tf.size(rows)))
    return tf.where(first == NEVER, -1, first)
