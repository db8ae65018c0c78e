"""Masking: which candidates of a sampled softmax are negatives of an event.

False negatives, i.e. other positives of the same user, are masked out. Of the remaining candidates,
optionally only the hardest are kept.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.layers.padded_unique import padded_unique

# After every position of a history.
NO_POSITION = np.iinfo(np.int32).max
# Logit of a masked candidate. Finite, since minus infinity times zero is NaN; its exp is exactly 0.
MASKED = -1e9


@dataclasses.dataclass(frozen=True)
class FalseNegativeMask:
    """The candidates that an event's user has interacted with, computed for a slice of events.

    `mask[start:stop]` is bool `[stop - start, candidates]`, True for false negatives. (The
    `score_mask` of `tfrs.tasks.Retrieval` is the opposite: True where a score counts.) The whole
    mask is as large as the logits: 8,192 events by a catalog do not fit into memory, so the chunked
    softmax takes the mask of one chunk at a time.

    Attributes:
        items: int32 `[all]`, items of all histories, one user after the other.
        first_position: int32 `[all]`, position of the item's first occurrence in its history.
        splits: int32 `[users + 1]`, start of each user's history in `items`, and the end of all.
        columns: int32 `[items]`, column of each catalog item among the candidates;
            `num_candidates` for items that are no candidates.
        num_candidates: number of candidates.
        users: int32 `[batch]`, user of each row of the batch.
        batch_row: int32 `[events]`, row of the batch that each event belongs to.
        num_earlier: int32 `[events]`; items whose first position is smaller are masked.
        max_history: length of the longest history with static shapes, else None.
    """

    items: tf.Tensor
    first_position: tf.Tensor
    splits: tf.Tensor
    columns: tf.Tensor
    num_candidates: tf.Tensor
    users: tf.Tensor
    batch_row: tf.Tensor
    num_earlier: tf.Tensor
    max_history: int | None

    def __getitem__(self, events: slice) -> tf.Tensor:
        event_users = tf.gather(self.users, self.batch_row[events])
        # Looks up a user of several events once.
        below, most = None, None
        if self.max_history is not None:
            below, most = self.splits.shape[0] - 1, self.users.shape[0]
        users, user_index, _ = padded_unique(event_users, below, most=most)
        owners, indices, columns = self._histories(users)
        # [distinct users, candidates + 1]
        first = tf.fill([tf.size(users), self.num_candidates + 1], NO_POSITION)
        first = tf.tensor_scatter_nd_update(
            first, tf.stack([owners, columns], axis=1), tf.gather(self.first_position, indices)
        )
        mask = tf.gather(first, user_index) < self.num_earlier[events, tf.newaxis]
        return mask[:, : self.num_candidates]

    def _histories(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the index of the user, the index in `items` and the column of each event."""
        starts = tf.gather(self.splits, users)
        lengths = tf.gather(self.splits, users + 1) - starts
        if self.max_history is not None:
            return self._padded_histories(starts, lengths, self.max_history)
        ends = tf.cumsum(lengths)
        total = tf.reduce_sum(lengths)
        # Counts the histories that ended earlier; `tf.repeat` takes five times as long.
        ended = tf.scatter_nd(ends[:, tf.newaxis], tf.ones_like(ends), [total + 1])
        owners = tf.cumsum(ended)[:total]
        indices = tf.range(total) + tf.gather(starts - (ends - lengths), owners)
        return owners, indices, tf.gather(self.columns, tf.gather(self.items, indices))

    def _padded_histories(
        self, starts: tf.Tensor, lengths: tf.Tensor, max_history: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """As `_histories`, with `max_history` events per user; padding has the last column."""
        offsets = tf.range(max_history)[tf.newaxis]
        is_event = offsets < lengths[:, tf.newaxis]
        indices = tf.where(is_event, starts[:, tf.newaxis] + offsets, 0)
        columns = tf.gather(self.columns, tf.gather(self.items, indices))
        columns = tf.where(is_event, columns, self.num_candidates)
        owners = tf.zeros_like(indices) + tf.range(tf.size(starts))[:, tf.newaxis]
        return tuple(tf.reshape(part, [-1]) for part in (owners, indices, columns))


def mask_logits(
    logits: tf.Tensor,
    scores: tf.Tensor,
    labels: tf.Tensor,
    *,
    false_negatives: tf.Tensor | None = None,
    num_hard_negatives: int = 0,
) -> tf.Tensor:
    """Sets the logits of candidates that are no negatives of an event to `MASKED`.

    The target items are set as well where they are masked: see `with_target`.

    Args:
        logits: `[events, candidates]`, corrected logits or log weights; `MASKED` stays.
        scores: `[events, candidates]`, uncorrected scores, by which negatives are hard.
        labels: int32 `[events]`, column of the target item.
        false_negatives: bool `[events, candidates]`, True where masked (default none).
        num_hard_negatives: number of highest-scoring negatives to keep; 0 keeps all (default 0).
    """
    if false_negatives is not None:
        logits = tf.where(false_negatives, MASKED, logits)
    if num_hard_negatives:
        is_negative = with_target(logits > MASKED / 2, labels, tf.zeros_like(labels, tf.bool))
        is_hard = hardest_negatives(scores, is_negative, num_hard_negatives)
        logits = tf.where(is_hard, logits, MASKED)
    return logits


def hardest_negatives(scores: tf.Tensor, is_negative: tf.Tensor, num: int) -> tf.Tensor:
    """Selects the highest-scoring negatives of each event (dynamic negative sampling).

    High-scoring negatives carry most of the gradient (Zhang et al. 2013, "Optimizing top-N
    collaborative filtering via dynamic negative item sampling"). They are selected by score alone.
    With log-Q correction, the loss then estimates the sum over all items that score at least as
    high as the lowest selected negative. `tfrs.layers.loss.HardNegativeMining` keeps a fixed number
    of columns and ranks masked candidates along with negatives; this function returns a mask.

    Args:
        scores: `[events, candidates]`, before log-Q correction.
        is_negative: bool `[events, candidates]`.
        num: number of negatives per event, at least 1; all where an event has fewer. Ties with the
            last one are selected as well.

    Returns:
        bool `[events, candidates]`.

    Example:
        >>> scores, is_negative = tf.constant([[3.0, 1.0, 2.0]]), tf.constant([[False, True, True]])
        >>> hardest_negatives(scores, is_negative, 1).numpy()
        array([[False, False,  True]])
    """
    scores = tf.where(is_negative, tf.cast(scores, tf.float32), tf.float32.min)
    # XLA needs a static k.
    size = tf.shape(scores)[1] if scores.shape[1] is None else scores.shape[1]
    most = tf.minimum(num, size) if tf.is_tensor(size) else min(num, size)
    lowest = tf.math.top_k(scores, most, sorted=True).values[:, -1:]
    return is_negative & (scores >= lowest)


def with_target(values: tf.Tensor, labels: tf.Tensor, target_values: tf.Tensor) -> tf.Tensor:
    """Replaces the value of each event's target item, `[events, candidates]`.

    Args:
        values: `[events, candidates]`.
        labels: int32 `[events]`, column of the target item.
        target_values: `[events]`.
    """
    positions = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
    return tf.tensor_scatter_nd_update(values, positions, target_values)
