"""User histories: the items that each user interacted with, oldest first."""

import dataclasses

import numpy as np

from tfmmrec.data.interactions.events import Interactions


@dataclasses.dataclass(frozen=True)
class Histories:
    """The histories of all users in one array.

    Attributes:
        items: int32 `[events]`, item rows, by user and oldest first.
        offsets: int64 `[users + 1]`; the items of user u are `items[offsets[u]:offsets[u + 1]]`.
        times: int64 `[events]`, Unix seconds, 0 or below if unknown; None if they were not
            requested.
        weights: float32 `[events]`, weights of the events in the training loss; None where all are
            equal, or were not requested.
    """

    items: np.ndarray
    offsets: np.ndarray
    times: np.ndarray | None = None
    weights: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        events: Interactions,
        num_users: int,
        *,
        with_times: bool = False,
        with_weights: bool = False,
    ) -> "Histories":
        """Groups events by user, each user's in the order of their history.

        Args:
            events: in any order.
            num_users: number of users.
            with_times: whether the histories have times (default False).
            with_weights: whether they have weights, whose mean is then 1 (default False).
        """
        rows = np.lexsort((events.order, events.user))
        counts = np.bincount(events.user, minlength=num_users)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        weights = None
        if with_weights and len(events):
            weights = (events.weight / events.weight.mean(dtype=np.float64)).astype(np.float32)
        return cls(
            events.item[rows],
            offsets,
            events.time[rows] // 1000 if with_times else None,
            None if weights is None else weights[rows],
        )

    def of_user(self, user: int) -> np.ndarray:
        """Returns the item rows of one user, oldest first."""
        return self.items[self.offsets[user] : self.offsets[user + 1]]

    def of_users(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the histories of some users, flattened.

        Args:
            users: int `[n]`, user rows.

        Returns:
            The index into `users` and the item row of each event, both int `[events]`.
        """
        which, positions = ranges(self.offsets[users], self.offsets[users + 1])
        return which, self.items[positions]

    def have(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Returns whether each item is in the history of its user, bool; -1 is in none.

        Args:
            users: user rows, of the shape of `items` or broadcast to it.
            items: item rows.
        """
        lengths = np.diff(self.offsets)
        owners = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        return np.isin(users.astype(np.int64) << 32 | items, owners << 32 | self.items)

    def counts(self, num_items: int) -> np.ndarray:
        """Returns the number of events of each item, int64 `[num_items]`."""
        return np.bincount(self.items, minlength=num_items)

    def recent(self, length: int) -> "Histories":
        """Returns the histories truncated to the last `length` items of each user."""
        counts = np.minimum(np.diff(self.offsets), length)
        is_recent = np.arange(len(self.items)) >= np.repeat(
            self.offsets[1:] - counts, np.diff(self.offsets)
        )
        times, weights = (
            None if column is None else column[is_recent] for column in (self.times, self.weights)
        )
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return Histories(self.items[is_recent], offsets, times, weights)

    def last(self, users: np.ndarray, length: int) -> np.ndarray:
        """Returns the last items of some users, int32 `[users, length]`, right-padded with -1."""
        return self._last(self.items, users, np.full((len(users), length), -1, np.int32))

    def last_times(self, users: np.ndarray, length: int) -> np.ndarray:
        """Returns the times of the last items, int64 `[users, length]`, right-padded with 0.

        Raises:
            ValueError: the histories have no times.
        """
        if self.times is None:
            raise ValueError(
                "A model with time intervals needs histories with times. Received: none"
            )
        return self._last(self.times, users, np.zeros((len(users), length), np.int64))

    def _last(self, column: np.ndarray, users: np.ndarray, padded: np.ndarray) -> np.ndarray:
        for row, user in enumerate(users):
            first, end = self.offsets[user], self.offsets[user + 1]
            recent = column[max(first, end - padded.shape[1]) : end]
            padded[row, : len(recent)] = recent
        return padded


def ranges(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of several ranges, one range after the other.

    Args:
        starts: first number of each range, int `[n]`.
        ends: number after the last of each range, int `[n]`.

    Returns:
        The index of the range of each number, and the numbers, both int `[total]`.
    """
    lengths = ends - starts
    which = np.repeat(np.arange(len(starts)), lengths)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return which, starts[which] + inside
