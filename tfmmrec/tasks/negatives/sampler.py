"""Candidate sampling for the retrieval losses, with the sampling probabilities (log Q)."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.distribute import replicas
from tfmmrec.layers.padded_unique import padded_unique
from tfmmrec.tasks.negatives.cross_batch_memory import CrossBatchMemory
from tfmmrec.tasks.negatives.disliked import Disliked
from tfmmrec.tasks.negatives.false_negatives import (
    NO_POSITION,
    EventSlices,
    FalseNegativeMask,
    FalseNegatives,
    PositiveItems,
    WindowFalseNegatives,
)
from tfmmrec.tasks.negatives.mined_negatives import MinedNegatives

# log Q of padding: the corrected logit is so low that its exp is 0.
_PADDING = 1e9


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The candidates of a sampled softmax.

    Attributes:
        rows: int32 `[candidates]`, rows of the catalog, each item once.
        log_sampling_probability: float32 `[candidates]`, log of the probability that the item is a
            candidate (log Q).
        labels: int32 `[events]`, column of each event's target item among the candidates.
        rows_to_embed: int32 `[to embed]`, rows to embed in this step, the first of `rows`; the
            remaining candidates come from cross-batch memory.
        in_batch: bool `[to embed]`, which of them are target items of the batch; None without
            cross-batch memory.
        disliked: disliked items of the users, which are no candidates and are embedded beside them;
            None where there are none.
    """

    rows: tf.Tensor
    log_sampling_probability: tf.Tensor
    labels: tf.Tensor
    rows_to_embed: tf.Tensor
    in_batch: tf.Tensor | None = None
    disliked: Disliked | None = None

    @property
    def all_rows_to_embed(self) -> tf.Tensor:
        """int32 `[to embed + disliked]`: `rows_to_embed` and the rows of disliked items."""
        if self.disliked is None:
            return self.rows_to_embed
        return tf.concat([self.rows_to_embed, self.disliked.rows], axis=0)


class NegativeSampler(tf.Module):
    """Samples the candidates of each training step.

    Candidates are the target items of the batch on all replicas, uniformly drawn items, mined
    negatives and the cross-batch memory; or with `source: full_catalog` all items of the training
    events.

    Args:
        options: the key `negatives` of the training file.
        histories: the training events by user, oldest first.
        num_items: number of items in the catalog.
        static_shapes: whether the number of candidates must not depend on the contents of a batch,
            as XLA requires.

    Attributes:
        memory: the cross-batch memory; None outside of training, or without the option.
        mined: the mined negatives of each user; None likewise.

    Example:
        >>> histories = Histories(np.array([0, 1, 0, 2], np.int32), np.array([0, 2, 4]))
        >>> sampler = NegativeSampler(NegativesConfig(), histories, num_items=3)
        >>> candidates = sampler.sample(tf.constant([2, 0, 2]))
        >>> candidates.rows.numpy().tolist(), candidates.labels.numpy().tolist()
        ([2, 0], [0, 1, 0])
    """

    memory: CrossBatchMemory | None = None
    mined: MinedNegatives | None = None

    def __init__(
        self,
        options: NegativesConfig,
        histories: Histories,
        num_items: int,
        *,
        static_shapes: bool = False,
    ):
        super().__init__()
        self.options = options
        self.static_shapes = static_shapes
        self._max_history = int(np.diff(histories.offsets).max(initial=0))
        self._counts = counts = histories.counts(num_items)
        known = np.flatnonzero(counts)
        self._known = tf.constant(known, tf.int32)
        self._known_positions = _positions(self._known, num_items)
        self._popularity = tf.constant(counts / max(1, counts.sum()), tf.float32)
        self._positives = PositiveItems.of(histories)

    def begin_training(self, width: int) -> None:
        """Creates the state that training keeps between steps.

        Args:
            width: length of the item embeddings.
        """
        options = self.options
        if options.cross_batch_memory_size:
            size = min(options.cross_batch_memory_size, len(self._known))
            self.memory = CrossBatchMemory(size, width, self._counts)
        if options.num_mined:
            num_users = len(self._positives.splits) - 1
            self.mined = MinedNegatives(
                num_users, num=options.num_mined, top_k=options.mining_top_k
            )

    def end_training(self) -> None:
        """Deletes the state of training, which a run folder does not keep."""
        if self.memory is not None:
            del self.memory
        if self.mined is not None:
            del self.mined

    def sample(self, target_items: tf.Tensor, users: tf.Tensor | None = None) -> Candidates:
        """Samples the candidates of a batch.

        All replicas get the same candidates: the target items of all replicas and the items that
        each replica draws; labels are of the replica's own events.

        Args:
            target_items: int32 `[events]`; with static shapes, -1 is padding with an undefined
                label.
            users: int32 `[batch]`, rows of users, for mined negatives (default none).
        """
        if self.options.source == "full_catalog":
            if self.static_shapes:
                target_items, _ = _fill_padding(target_items)
            labels = tf.gather(self._known_positions, target_items)
            log_probability = tf.zeros(tf.shape(self._known))
            return Candidates(self._known, log_probability, labels, self._known)
        batch_items = self._gather_replicas(target_items)  # [events of all replicas]
        num_events = tf.size(batch_items)
        if self.static_shapes:
            batch_items, num_events = _fill_padding(batch_items)
        mined = None
        if self.mined is not None and users is not None:
            mined = self._gather_replicas(self.mined.draw(users))  # [rows of all replicas * num]
        rows, positions, is_item = self._distinct(batch_items, mined)
        own_events = replicas.row_offset(target_items) + tf.range(tf.size(target_items))
        labels = tf.gather(positions, own_events)
        candidates, in_batch = rows, None
        if self.memory is not None:
            last = tf.reduce_max(positions[: tf.size(batch_items)])
            in_batch = tf.range(tf.size(rows)) <= last
            candidates, is_item, num_events = self.memory.append_to(rows, is_item, in_batch)
        log_probability = tf.where(
            is_item, self.log_sampling_probability(candidates, num_events), _PADDING
        )
        if mined is not None:
            mined_positions = positions[-_size(mined) :]
            log_probability = _with_mined(log_probability, mined_positions, mined >= 0)
        return Candidates(candidates, log_probability, labels, rows, in_batch)

    def with_disliked(
        self, candidates: Candidates, items: tf.Tensor, weight: tf.Tensor
    ) -> Candidates:
        """Adds the disliked items of the users of a batch.

        Args:
            candidates: of the batch.
            items: int32 `[batch]`, an item that the user of each row disliked; -1 is none.
            weight: float32 `[batch]`, 0 for none.
        """
        num_items = self._known_positions.shape[0] if self.static_shapes else None
        disliked = Disliked.of(items, weight, num_items)
        return dataclasses.replace(candidates, disliked=disliked)

    def _gather_replicas(self, rows: tf.Tensor) -> tf.Tensor:
        gathered = replicas.all_gather(rows)
        if self.static_shapes:
            # With static shapes all replicas have the same number of rows.
            gathered = tf.ensure_shape(gathered, [rows.shape[0] * replicas.num_replicas()])
        return gathered

    def _distinct(
        self, batch_items: tf.Tensor, mined: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The items of the batch, drawn and mined items, each once, as `padded_unique` returns."""
        drawn = replicas.draw_integers(self.options.num_uniform, tf.size(self._known))
        rows = [batch_items, tf.gather(self._known, drawn)]
        if mined is not None:
            rows.append(tf.where(mined >= 0, mined, batch_items[0]))
        num_items = self._known_positions.shape[0] if self.static_shapes else None
        return padded_unique(tf.concat(rows, axis=0), num_items)

    def log_sampling_probability(self, rows: tf.Tensor, num_events: tf.Tensor) -> tf.Tensor:
        """Log of the probability that items are candidates (log Q), float32 `[rows]`.

        Q = 1 − (1 − popularity)^num_events · (1 − 1 / known items)^num_uniform, since an item is a
        candidate once for any number of occurrences in the batch.

        Args:
            rows: int32 `[rows]`, rows of items.
            num_events: a scalar, number of events in the batch; with a cross-batch memory, number
                of recent events that batch and memory stand for.
        """
        popularity = tf.gather(self._popularity, rows)
        log_absence = tf.cast(num_events, tf.float32) * tf.math.log1p(
            -tf.minimum(popularity, 0.999999)
        )
        log_absence += self.options.num_uniform * np.log1p(-1.0 / max(2, len(self._known)))
        return tf.math.log(-tf.math.expm1(tf.minimum(log_absence, -1e-9)))

    def false_negatives(
        self,
        candidates: Candidates,
        users: tf.Tensor,
        *,
        num_earlier: tf.Tensor,
        batch_row: tf.Tensor | None = None,
    ) -> EventSlices | None:
        """The candidates that an event's user has interacted with.

        Args:
            candidates: of the batch.
            users: int32 `[batch]`, user of each row of the batch.
            num_earlier: int32 `[events]`, number of earlier training events of the same user.
            batch_row: int32 `[events]`, row of the batch that each event belongs to (default: each
                row of the batch is one event).

        Returns:
            The false negatives of slices of events; None where nothing is masked.
        """
        if self.options.mask_positives == "none":
            return None
        if self.options.mask_positives == "all":
            num_earlier = tf.fill(tf.shape(num_earlier), NO_POSITION)
        if not self.static_shapes:
            found = (self._positives, candidates.rows, users, num_earlier)
            if batch_row is None:
                return FalseNegatives.find(*found)
            return WindowFalseNegatives.find(*found, batch_row)
        num_candidates = tf.size(candidates.rows)
        columns = _positions(candidates.rows, tf.size(self._known_positions))
        return FalseNegativeMask(
            self._positives,
            # One more column, after the candidates, for all other items.
            tf.where(columns >= 0, columns, num_candidates),
            num_candidates,
            users,
            tf.range(tf.size(users)) if batch_row is None else batch_row,
            num_earlier,
            self._max_history,
        )


def _with_mined(log_probability: tf.Tensor, positions: tf.Tensor, is_mined: tf.Tensor) -> tf.Tensor:
    """Sets the log probability of mined negatives to 0, `[candidates]`.

    A mined negative is always a candidate for the user that it was mined for, and weighs 1 as the
    target item does. It weighs 1 for the other users too, since the inverse of a small probability
    would be too large a weight.
    """
    mined = tf.scatter_nd(
        positions[:, tf.newaxis], tf.cast(is_mined, tf.int32), tf.shape(log_probability)
    )
    return tf.where(mined > 0, 0.0, log_probability)


def _size(rows: tf.Tensor) -> int | tf.Tensor:
    return tf.size(rows) if rows.shape[0] is None else rows.shape[0]


def _fill_padding(items: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Replaces -1 by the first item; also returns the number of items without padding."""
    is_item = items >= 0
    first = tf.maximum(tf.gather(items, tf.argmax(tf.cast(is_item, tf.int32))), 0)
    return tf.where(is_item, items, first), tf.math.count_nonzero(is_item, dtype=tf.int32)


def _positions(rows: tf.Tensor, num_items: int | tf.Tensor) -> tf.Tensor:
    """The position of each catalog item in `rows`, int32 `[items]`; -1 where it is absent."""
    # The first position, since padding repeats an item after its first position.
    first = tf.fill([num_items], NO_POSITION)
    first = tf.tensor_scatter_nd_min(first, rows[:, tf.newaxis], tf.range(tf.size(rows)))
    return tf.where(first == NO_POSITION, -1, first)
