"""The items that each user interacted with, oldest first."""

import dataclasses

import numpy as np

from tfmmrec.data.interactions.events import Interactions


@dataclasses.dataclass(frozen=True)
class Histories:
    """What each user chose, oldest first, in one array.

    Attributes:
        items: int32 `[events]`, item rows.
        offsets: int64 `[users + 1]`; user u's items are `items[offsets[u]:offsets[u + 1]]`.
        times: int64 `[events]`, when each was chosen in Unix seconds, 0 or below where that is not
            known; None where nobody asked for them.
    """

    items: np.ndarray
    offsets: np.ndarray
    times: np.ndarray | None = None

    @classmethod
    def of(cls, events: Interactions, num_users: int, *, timed: bool = False) -> "Histories":
        """Groups events by user, in the order of each user's history, `timed` or without times."""
        rows = np.lexsort((events.order, events.user))
        counts = np.bincount(events.user, minlength=num_users)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return cls(events.item[rows], offsets, events.time[rows] // 1000 if timed else None)

    def of_user(self, user: int) -> np.ndarray:
        """The item rows that one user chose, oldest first."""
        return self.items[self.offsets[user] : self.offsets[user + 1]]

    def of_users(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What some users chose: which of them, and the item row, both int `[choices]`."""
        starts, lengths = self.offsets[users], self.offsets[users + 1] - self.offsets[users]
        which = np.repeat(np.arange(len(users)), lengths)
        # Places inside a user's own choices, and from there in all.
        inside = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return which, self.items[starts[which] + inside]

    def counts(self, num_items: int) -> np.ndarray:
        """How often each item was chosen, int64 `[num_items]`."""
        return np.bincount(self.items, minlength=num_items)

    def recent(self, length: int) -> "Histories":
        """The last items of every user, `length` at most."""
        counts = np.minimum(np.diff(self.offsets), length)
        kept = np.arange(len(self.items)) >= np.repeat(
            self.offsets[1:] - counts, np.diff(self.offsets)
        )
        times = None if self.times is None else self.times[kept]
        return Histories(self.items[kept], np.concatenate([[0], np.cumsum(counts)]), times)

    def last(self, users: np.ndarray, length: int) -> np.ndarray:
        """The last items of some users, int32 `[users, length]`, padded behind with -1."""
        return self._last(self.items, users, np.full((len(users), length), -1, np.int32))

    def last_times(self, users: np.ndarray, length: int) -> np.ndarray:
        """The times of the last items, int64 `[users, length]`, padded behind with 0.

        Raises:
            ValueError: these are histories without times.
        """
        if self.times is None:
            raise ValueError("A model that reads gaps needs histories with times. Received: none")
        return self._last(self.times, users, np.zeros((len(users), length), np.int64))

    def _last(self, column: np.ndarray, users: np.ndarray, padded: np.ndarray) -> np.ndarray:
        for row, user in enumerate(users):
            first, end = self.offsets[user], self.offsets[user + 1]
            recent = column[max(first, end - padded.shape[1]) : end]
            padded[row, : len(recent)] = recent
        return padded
