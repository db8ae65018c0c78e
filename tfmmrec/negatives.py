"""What a chosen item is told from: the candidates of a softmax, and how likely each was to come."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.dataset import Histories
from tfmmrec.distinct import distinct
from tfmmrec.randomness import integers

AMONG = ("batch", "all")
SPARED = ("none", "past", "all")
_NEVER = np.iinfo(np.int32).max
# The log of a chance that leaves nothing of a logit, in numbers that float32 holds.
_ALWAYS = 1e9


@dataclasses.dataclass(frozen=True)
class NegativesOptions:
    """Which items a chosen one is told from in training.

    Attributes:
        among: `batch`, the items that the batch chose, or `all` that training knows, which is
            exact and costs as much as the catalogue is large; good up to some thousand items
            (default batch).
        uniform: with `batch`, how many items are drawn beside them, each as likely as the other,
            so that rare ones come up as well (default 0).
        spared: which of the other items that a user chose are no negatives: those of the `past`,
            which serving leaves out of its answers too, `all` of them, or `none` (default past).
    """

    among: str = "batch"
    uniform: int = 0
    spared: str = "past"

    def __post_init__(self) -> None:
        if self.among not in AMONG:
            raise ValueError(f"among must be {' or '.join(AMONG)}. Received: {self.among!r}")
        if self.spared not in SPARED:
            raise ValueError(f"spared must be {', '.join(SPARED)}. Received: {self.spared!r}")
        if self.uniform < 0:
            raise ValueError(f"uniform must be at least 0. Received: {self.uniform}")
        if self.uniform and self.among == "all":
            raise ValueError("uniform draws nothing new beside among: all; leave one of them out")


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The items of a softmax.

    Attributes:
        rows: int32 `[candidates]`, each item once.
        log_chances: float32 `[candidates]`, the log of the chance that each was among them.
        labels: int32 `[events]`, where among them each event's item stands.
    """

    rows: tf.Tensor
    log_chances: tf.Tensor
    labels: tf.Tensor


class Negatives(tf.Module):
    """Draws the candidates of each step.

    Args:
        options: which.
        histories: what each user chose in training, oldest first.
        num_items: rows of the catalogue.
        fixed_shapes: whether the shape of the candidates must not depend on what is in a batch.
    """

    def __init__(
        self,
        options: NegativesOptions,
        histories: Histories,
        num_items: int,
        *,
        fixed_shapes: bool = False,
    ):
        super().__init__()
        self.options = options
        self.fixed_shapes = fixed_shapes
        self._longest = int(np.diff(histories.offsets).max(initial=0))
        counts = histories.counts(num_items)
        known = np.flatnonzero(counts)
        self._known = tf.constant(known, tf.int32)
        self._places = _places(self._known, num_items)
        self._shares = tf.constant(counts / max(1, counts.sum()), tf.float32)
        self._histories = tf.RaggedTensor.from_row_splits(
            tf.constant(histories.items, tf.int32), tf.constant(histories.offsets, tf.int64)
        )

    def __call__(self, chosen: tf.Tensor, most_events: int = 0) -> Candidates:
        """Gives the candidates for the items that a batch chose, int32 `[events]`.

        Args:
            chosen: the items.
            most_events: how many events a batch may have; needed with `fixed_shapes`.
        """
        if self.options.among == "all":
            labels = tf.gather(self._places, chosen)
            return Candidates(self._known, tf.zeros(tf.shape(self._known)), labels)
        num_events, num_drawn = tf.size(chosen), self.options.uniform
        drawn = integers([num_drawn], tf.size(self._known))
        both = tf.concat([chosen, tf.gather(self._known, drawn)], axis=0)
        most = None
        if self.fixed_shapes:
            most = min(most_events + num_drawn, self._places.shape[0])
        rows, places, real = distinct(both, most)
        # What fills up stands for no item, as if it came infinitely often.
        log_chances = tf.where(real, self.log_chances(rows, num_events), _ALWAYS)
        return Candidates(rows, log_chances, places[:num_events])

    def log_chances(self, rows: tf.Tensor, num_events: tf.Tensor) -> tf.Tensor:
        """The log of the chance that items are candidates of a batch of so many events.

        It is 1 − (1 − share)^events · (1 − 1 / known)^uniform: an item is in the batch once,
        however often it was chosen there.
        """
        shares = tf.gather(self._shares, rows)
        missed = tf.cast(num_events, tf.float32) * tf.math.log1p(-tf.minimum(shares, 0.999999))
        missed += self.options.uniform * np.log1p(-1.0 / max(2, len(self._known)))
        return tf.math.log(-tf.math.expm1(tf.minimum(missed, -1e-9)))

    def spared(
        self, candidates: Candidates, users: tf.Tensor, events: tf.Tensor, places: tf.Tensor
    ) -> tf.Tensor | None:
        """Says which candidates are no negatives of an event, though not its own item.

        Args:
            candidates: of the batch.
            users: int32 `[batch]`, rows of users.
            events: int32 `[events]`, which user of the batch each event is of.
            places: int32 `[events]`, how many events of its user came before it.

        Returns:
            bool `[events, candidates]`; None where there are none.
        """
        if self.options.spared == "none":
            return None
        owners, before, items = self._choices(users)
        columns = tf.gather(_places(candidates.rows, tf.size(self._places)), tf.maximum(items, 0))
        # The place at which each user first chose each candidate.
        cells = tf.stack([owners, tf.maximum(columns, 0)], axis=1)
        never = tf.fill([tf.size(users), tf.size(candidates.rows)], _NEVER)
        seen = tf.where((columns >= 0) & (items >= 0), before, _NEVER)
        first = tf.gather(tf.tensor_scatter_nd_min(never, cells, seen), events)
        return first < (places[:, tf.newaxis] if self.options.spared == "past" else _NEVER)

    def _choices(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """All that users chose: whose it is, how many of theirs came before, and the item, or -1.

        Each int32 `[choices]`.
        """
        if self.fixed_shapes:
            starts, ends = (
                tf.cast(tf.gather(self._histories.row_splits, users + place), tf.int32)
                for place in (0, 1)
            )
            before = tf.range(self._longest)[tf.newaxis]
            events = starts[:, tf.newaxis] + before
            items = tf.gather(
                self._histories.flat_values, tf.minimum(events, ends[:, tf.newaxis] - 1)
            )
            items = tf.where(events < ends[:, tf.newaxis], items, -1)
            owners = tf.range(tf.size(users))[:, tf.newaxis]
            spread = tf.zeros_like(items)
            return tuple(tf.reshape(spread + part, [-1]) for part in (owners, before, items))
        theirs = tf.gather(self._histories, users)
        owners = tf.cast(theirs.value_rowids(), tf.int32)
        starts = tf.cast(tf.gather(theirs.row_starts(), owners), tf.int32)
        items = theirs.flat_values
        return owners, tf.range(tf.size(items)) - starts, items


def _places(rows: tf.Tensor, num_items: int | tf.Tensor) -> tf.Tensor:
    """Where each item stands among some rows, int32 `[items]`; -1 where it does not."""
    # The first place, since a row that fills up stands behind what is there.
    first = tf.fill([num_items], _NEVER)
    first = tf.tensor_scatter_nd_min(first, rows[:, tf.newaxis], tf.range(tf.size(rows)))
    return tf.where(first == _NEVER, -1, first)
