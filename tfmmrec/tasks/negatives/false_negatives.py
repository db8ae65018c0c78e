"""False negatives: the candidates that the user of an event has interacted with."""

import dataclasses
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.layers.padded_unique import padded_unique

# After every position of a history.
NO_POSITION = np.iinfo(np.int32).max


class EventSlices(Protocol):
    """False negatives that are made for a slice of events at a time.

    A slice of them is bool `[events of the slice, candidates]`, True for false negatives; or int32
    `[pairs, 2]`, their positions.
    """

    def __getitem__(self, events: slice) -> tf.Tensor: ...


@dataclasses.dataclass(frozen=True)
class PositiveItems:
    """The items of all users' training events.

    Attributes:
        items: int32 `[all]`, items of all histories, one user after the other.
        first_position: int32 `[all]`, position of the item's first occurrence in its history.
        splits: int32 `[users + 1]`, start of each user's history in `items`, and the end of all.
    """

    items: tf.Tensor
    first_position: tf.Tensor
    splits: tf.Tensor

    @classmethod
    def of(cls, histories: Histories) -> "PositiveItems":
        """The items of the training events by user, oldest first."""
        arrays = (histories.items, _first_positions(histories), histories.offsets)
        return cls(*(tf.constant(array, tf.int32) for array in arrays))


def _first_positions(histories: Histories) -> np.ndarray:
    """For each event, the position of the first event of its user with the same item."""
    lengths = np.diff(histories.offsets)
    positions = np.arange(len(histories.items)) - np.repeat(histories.offsets[:-1], lengths)
    users = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    pairs = users * (1 + int(histories.items.max(initial=0))) + histories.items
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    return positions[first][inverse]


@dataclasses.dataclass(frozen=True)
class FalseNegatives:
    """The false negatives of the events of a batch, as pairs of an event and a candidate.

    They are far fewer than the logits, and are found at a cost that depends on the histories of
    the batch alone. `pairs[start:stop]` are those of a slice of events, int32 `[pairs, 2]`: the
    number of the event in the slice, and the column of the candidate.

    Attributes:
        event: int32 `[pairs]`, ascending.
        column: int32 `[pairs]`.
    """

    event: tf.Tensor
    column: tf.Tensor

    @classmethod
    def find(
        cls,
        positives: PositiveItems,
        candidates: tf.Tensor,
        users: tf.Tensor,
        num_earlier: tf.Tensor,
    ) -> "FalseNegatives":
        """Finds the false negatives of a batch.

        Args:
            positives: the training events of all users.
            candidates: int32 `[candidates]`, rows of items.
            users: int32 `[events]`, user of each event.
            num_earlier: int32 `[events]`, number of earlier training events of the same user; the
                items of those are false negatives.
        """
        event, column, _ = _pairs(positives, candidates, users, num_earlier)
        return cls(event, column)

    def __getitem__(self, events: slice) -> tf.Tensor:
        start = 0 if events.start is None else events.start
        stop = NO_POSITION if events.stop is None else events.stop
        own = _between(self.event, start, stop)
        return tf.stack([self.event[own] - start, self.column[own]], axis=1)


@dataclasses.dataclass(frozen=True)
class WindowFalseNegatives:
    """The false negatives of windows, whose events share a user and differ in what is earlier.

    Most candidates of a batch of windows are items of its users, so that pairs of events and
    candidates would be many. Here there is a pair per user and candidate. `mask[start:stop]` is
    bool `[stop - start, candidates]`, True for the false negatives of a slice of events.

    Attributes:
        row: int32 `[pairs]`, row of the batch, ascending.
        column: int32 `[pairs]`, column of a candidate that the row's user has interacted with.
        first_position: int32 `[pairs]`, position of its first occurrence in the user's history.
        num_candidates: number of candidates.
        batch_row: int32 `[events]`, row of the batch that each event belongs to, ascending.
        num_earlier: int32 `[events]`; items whose first position is smaller are masked.
    """

    row: tf.Tensor
    column: tf.Tensor
    first_position: tf.Tensor
    num_candidates: tf.Tensor
    batch_row: tf.Tensor
    num_earlier: tf.Tensor

    @classmethod
    def find(
        cls,
        positives: PositiveItems,
        candidates: tf.Tensor,
        users: tf.Tensor,
        num_earlier: tf.Tensor,
        batch_row: tf.Tensor,
    ) -> "WindowFalseNegatives":
        """Finds the false negatives of a batch.

        Args:
            positives: as for `FalseNegatives.find`.
            candidates: likewise.
            users: int32 `[batch]`, user of each row of the batch.
            num_earlier: as for `FalseNegatives.find`.
            batch_row: int32 `[events]`, row of the batch that each event belongs to, ascending.
        """
        row, column, entry = _pairs(positives, candidates, users)
        first = tf.gather(positives.first_position, entry)
        return cls(row, column, first, tf.size(candidates), batch_row, num_earlier)

    def __getitem__(self, events: slice) -> tf.Tensor:
        rows = self.batch_row[events]
        # 0 without any event.
        start, stop = tf.reduce_sum(rows[:1]), tf.reduce_sum(rows[-1:] + 1)
        own = _between(self.row, start, stop)
        # [rows, candidates]
        first = tf.tensor_scatter_nd_update(
            tf.fill([stop - start, self.num_candidates], NO_POSITION),
            tf.stack([self.row[own] - start, self.column[own]], axis=1),
            self.first_position[own],
        )
        return tf.gather(first, rows - start) < self.num_earlier[events, tf.newaxis]


def _pairs(
    positives: PositiveItems,
    candidates: tf.Tensor,
    users: tf.Tensor,
    most: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The candidates that users have interacted with, int32 `[pairs]` each.

    Args:
        positives: the training events of all users.
        candidates: int32 `[candidates]`.
        users: int32 `[batch]`.
        most: int32 `[batch]`, the number of first events of each user that count (default all).

    Returns:
        The row of the batch, ascending; the column of the candidate; the index of the event.
    """
    starts = tf.gather(positives.splits, users)
    lengths = tf.gather(positives.splits, users + 1) - starts
    if most is not None:
        lengths = tf.minimum(lengths, most)
    row, entry = _ranges(starts, lengths)
    column, is_candidate = _columns(candidates, tf.gather(positives.items, entry))
    found = tf.where(is_candidate)[:, 0]
    return tf.gather(row, found), tf.gather(column, found), tf.gather(entry, found)


def _between(ascending: tf.Tensor, start: int | tf.Tensor, stop: int | tf.Tensor) -> slice:
    """The slice of numbers from `start` to below `stop`."""
    bounds = tf.searchsorted(ascending, tf.stack([start, stop]))
    return slice(bounds[0], bounds[1])


def _ranges(starts: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The numbers of several ranges, one range after the other, and the index of each one's range.

    Returns:
        Indices and numbers, int32 `[total]` each.
    """
    splits, numbers = tf.raw_ops.RaggedRange(
        starts=starts, limits=starts + lengths, deltas=tf.constant(1), Tsplits=tf.int32
    )
    # Counts the ranges that ended earlier; `tf.repeat` takes five times as long.
    ends = splits[1:, tf.newaxis]
    ended = tf.scatter_nd(ends, tf.ones_like(lengths), [tf.size(numbers) + 1])
    return tf.cumsum(ended)[:-1], numbers


def _columns(candidates: tf.Tensor, items: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The first column of each item among the candidates, and whether it has one, `[items]`."""
    num_candidates = tf.size(candidates)
    distinct, positions = tf.unique(tf.concat([candidates, items], axis=0))
    # Padding repeats a candidate after its first column.
    first = tf.math.unsorted_segment_min(
        tf.range(num_candidates), positions[:num_candidates], tf.size(distinct)
    )
    columns = tf.gather(first, positions[num_candidates:])
    return columns, columns < num_candidates


@dataclasses.dataclass(frozen=True)
class FalseNegativeMask:
    """The false negatives as a mask, with static shapes as XLA requires.

    `mask[start:stop]` is bool `[stop - start, candidates]`, True for false negatives. (The
    `score_mask` of `tfrs.tasks.Retrieval` is the opposite: True where a score counts.) The whole
    mask is as large as the logits: 8,192 events by a catalog do not fit into memory, so the chunked
    softmax takes the mask of one chunk at a time.

    Attributes:
        positives: the training events of all users.
        columns: int32 `[items]`, column of each catalog item among the candidates;
            `num_candidates` for items that are no candidates.
        num_candidates: number of candidates.
        users: int32 `[batch]`, user of each row of the batch.
        batch_row: int32 `[events]`, row of the batch that each event belongs to.
        num_earlier: int32 `[events]`; items whose first position is smaller are masked.
        max_history: length of the longest history.
    """

    positives: PositiveItems
    columns: tf.Tensor
    num_candidates: tf.Tensor
    users: tf.Tensor
    batch_row: tf.Tensor
    num_earlier: tf.Tensor
    max_history: int

    def __getitem__(self, events: slice) -> tf.Tensor:
        event_users = tf.gather(self.users, self.batch_row[events])
        # Looks up a user of several events once.
        num_users, most = self.positives.splits.shape[0] - 1, self.users.shape[0]
        users, user_index, _ = padded_unique(event_users, num_users, most=most)
        owners, indices, columns = self._histories(users)
        # [distinct users, candidates + 1]
        first = tf.fill([tf.size(users), self.num_candidates + 1], NO_POSITION)
        first = tf.tensor_scatter_nd_update(
            first,
            tf.stack([owners, columns], axis=1),
            tf.gather(self.positives.first_position, indices),
        )
        mask = tf.gather(first, user_index) < self.num_earlier[events, tf.newaxis]
        return mask[:, : self.num_candidates]

    def _histories(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The index of the user, the index in `items` and the column of each event.

        There are `max_history` events per user; padding has the last column.
        """
        splits = self.positives.splits
        starts = tf.gather(splits, users)
        lengths = tf.gather(splits, users + 1) - starts
        offsets = tf.range(self.max_history)[tf.newaxis]
        is_event = offsets < lengths[:, tf.newaxis]
        indices = tf.where(is_event, starts[:, tf.newaxis] + offsets, 0)
        columns = tf.gather(self.columns, tf.gather(self.positives.items, indices))
        columns = tf.where(is_event, columns, self.num_candidates)
        owners = tf.zeros_like(indices) + tf.range(tf.size(starts))[:, tf.newaxis]
        return tuple(tf.reshape(part, [-1]) for part in (owners, indices, columns))
