"""Events with their outcome labels: rating and click."""

import dataclasses

import numpy as np

from tfmmrec.data.interactions.events import Interactions


@dataclasses.dataclass(frozen=True)
class LabeledEvents:
    """Labeled events in columns, sorted by user and by the order of each user's history.

    Attributes:
        user: int32 `[events]`, user rows.
        item: int32 `[events]`, item rows.
        num_earlier: int32 `[events]`, number of earlier positives of the user.
        clicked: bool `[events]`, click label: whether the event is a positive.
        rating: float32 `[events]`, rating label, NaN if there is none.
    """

    user: np.ndarray
    item: np.ndarray
    num_earlier: np.ndarray
    clicked: np.ndarray
    rating: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of(cls, events: Interactions) -> "LabeledEvents":
        """Sorts events by user and history, and counts the earlier positives of each."""
        events = events.take(np.lexsort((events.order, events.user)))
        earlier = np.cumsum(events.positive) - events.positive
        starts = np.searchsorted(events.user, events.user, side="left")
        return cls(
            user=events.user,
            item=events.item,
            num_earlier=(earlier - earlier[starts]).astype(np.int32) if len(events) else earlier,
            clicked=events.positive,
            rating=events.rating,
        )

    @property
    def rated(self) -> np.ndarray:
        """bool `[events]`: whether the event has a rating."""
        return ~np.isnan(self.rating)

    @property
    def has_negative_labels(self) -> bool:
        """Whether there are events with a negative click label."""
        return not self.clicked.all()

    def take(self, rows: np.ndarray) -> "LabeledEvents":
        """Returns the events of some rows (indices or a mask), in their order."""
        columns = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return LabeledEvents(**{name: column[rows] for name, column in columns.items()})
