"""Events with what came of them: a rating, a click or none."""

import dataclasses

import numpy as np

from tfmmrec.data.interactions.events import Interactions


@dataclasses.dataclass(frozen=True)
class LabeledEvents:
    """Events in columns, by user and in the order of each user's history.

    Attributes:
        user: int32 `[events]`, rows of users.
        item: int32 `[events]`, rows of items.
        place: int32 `[events]`, how many choices (positives) of the same user stand before.
        chosen: bool `[events]`, whether the event is a choice itself.
        rating: float32 `[events]`, NaN where there is none.
    """

    user: np.ndarray
    item: np.ndarray
    place: np.ndarray
    chosen: np.ndarray
    rating: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of(cls, events: Interactions) -> "LabeledEvents":
        """Brings events into the order of histories and counts what stands before each."""
        events = events.take(np.lexsort((events.order, events.user)))
        before = np.cumsum(events.positive) - events.positive
        starts = np.searchsorted(events.user, events.user, side="left")
        return cls(
            user=events.user,
            item=events.item,
            place=(before - before[starts]).astype(np.int32) if len(events) else before,
            chosen=events.positive,
            rating=events.rating,
        )

    @property
    def rated(self) -> np.ndarray:
        """bool `[events]`: which have a rating."""
        return ~np.isnan(self.rating)

    @property
    def has_negative_labels(self) -> bool:
        """Whether the log tells what users saw and did not choose."""
        return not self.chosen.all()

    def take(self, rows: np.ndarray) -> "LabeledEvents":
        """Returns the events of some rows (indices or a mask), in their order."""
        columns = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return LabeledEvents(**{name: column[rows] for name, column in columns.items()})
