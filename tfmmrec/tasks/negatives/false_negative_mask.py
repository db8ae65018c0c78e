"""What is no negative of an event, though it is a candidate."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.layers.padded_unique import padded_unique

# Behind all places of a history.
NEVER = np.iinfo(np.int32).max


@dataclasses.dataclass(frozen=True)
class FalseNegativeMask:
    """What is no negative of events: `spared[start:stop]` is bool `[stop - start, candidates]`.

    It is as large as the logits, and so is worked out for no more events than are asked for.

    Attributes:
        items: int32 `[all]`, what all users chose, one after the other.
        first: int32 `[all]`, the place in their history at which they chose it first.
        splits: int32 `[users + 1]`, where the history of each begins and ends.
        columns: int32 `[items]`, where each item stands among the candidates, or their number.
        num_candidates: how many.
        users: int32 `[batch]`, rows of users.
        events: int32 `[events]`, which user of the batch each event is of.
        places: int32 `[events]`, before which place in a history an item has to stand.
        longest: of the histories, where shapes must not depend on what is in a batch.
    """

    items: tf.Tensor
    first: tf.Tensor
    splits: tf.Tensor
    columns: tf.Tensor
    num_candidates: tf.Tensor
    users: tf.Tensor
    events: tf.Tensor
    places: tf.Tensor
    longest: int | None

    def __getitem__(self, part: slice) -> tf.Tensor:
        asked = tf.gather(self.users, self.events[part])
        # A user of many events is looked up once.
        below, most = None, None
        if self.longest is not None:
            below, most = self.splits.shape[0] - 1, self.users.shape[0]
        users, rows, _ = padded_unique(asked, below, most=most)
        owners, chosen, columns = self._chosen(users)
        never = tf.fill([tf.size(users), self.num_candidates + 1], NEVER)
        first = tf.tensor_scatter_nd_update(
            never, tf.stack([owners, columns], axis=1), tf.gather(self.first, chosen)
        )
        spared = tf.gather(first, rows) < self.places[part, tf.newaxis]
        return spared[:, : self.num_candidates]

    def _chosen(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The events in the histories of some users: whose each is, where it stands, its column."""
        starts = tf.gather(self.splits, users)
        lengths = tf.gather(self.splits, users + 1) - starts
        if self.longest is not None:
            return self._spread(starts, lengths, self.longest)
        ends = tf.cumsum(lengths)
        total = tf.reduce_sum(lengths)
        # A count of those that ended before, which `tf.repeat` would take five times as long for.
        ended = tf.scatter_nd(ends[:, tf.newaxis], tf.ones_like(ends), [total + 1])
        owners = tf.cumsum(ended)[:total]
        chosen = tf.range(total) + tf.gather(starts - (ends - lengths), owners)
        return owners, chosen, tf.gather(self.columns, tf.gather(self.items, chosen))

    def _spread(
        self, starts: tf.Tensor, lengths: tf.Tensor, longest: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """As `_chosen`, as many events each; what is too many stands in the column of others."""
        before = tf.range(longest)[tf.newaxis]
        here = before < lengths[:, tf.newaxis]
        chosen = tf.where(here, starts[:, tf.newaxis] + before, 0)
        columns = tf.gather(self.columns, tf.gather(self.items, chosen))
        columns = tf.where(here, columns, self.num_candidates)
        owners = tf.zeros_like(chosen) + tf.range(tf.size(starts))[:, tf.newaxis]
        return tuple(tf.reshape(part, [-1]) for part in (owners, chosen, columns))
