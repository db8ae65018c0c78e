"""Interactions (events) in columns, and their order."""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tfmmrec.data.id_index import IdIndex

SPLITS = ("train", "valid", "test")


@dataclasses.dataclass
class Interactions:
    """Events in columns, all of the same length.

    Attributes:
        user: int32, user rows.
        item: int32, item rows.
        time: int64, Unix milliseconds (0 if the log has no times).
        rating: float32, NaN if there is none.
        positive: bool, whether the event is a positive for retrieval.
        order: int32, position of the event in the full history of its user.
        part: int8, split named by a column of the table, as an index of SPLITS (0 if none).
        kind: int16, row in the vocabulary of kinds (default 0, for a log without kinds).
        weight: float32, weight of the kind, below 0 for a dislike (default 1).
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    rating: np.ndarray
    positive: np.ndarray
    order: np.ndarray
    part: np.ndarray
    kind: np.ndarray = None  # type: ignore[assignment]  # an array after __post_init__
    weight: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.kind is None:
            self.kind = np.zeros(len(self.user), np.int16)
        if self.weight is None:
            self.weight = np.ones(len(self.user), np.float32)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def disliked(self) -> np.ndarray:
        """bool `[events]`: whether the event is a dislike."""
        return self.weight < 0

    @property
    def rated(self) -> np.ndarray:
        """bool `[events]`: whether the event has a rating."""
        return ~np.isnan(self.rating)

    def read_before(self, limits: np.ndarray) -> np.ndarray:
        """Which events histories have: positives, and ratings below the bar up to a limit.

        What a user rated low was watched and read all the same, and tells of a taste. Ratings may
        be in train however late they are, which is what the limits are for.

        Args:
            limits: int `[users]`, positions in the history of each user, see `order`.

        Returns:
            bool `[events]`.
        """
        return self.positive | (self.rated & ~self.disliked & (self.order < limits[self.user]))

    def first_orders(self, num_users: int) -> np.ndarray:
        """The position of each user's first event, see `order`; the largest int32 without any."""
        first = np.full(num_users, np.iinfo(np.int32).max)
        np.minimum.at(first, self.user, self.order)
        return first

    def take(self, rows: np.ndarray | slice) -> "Interactions":
        """Returns the events of some rows (indices, a mask or a slice)."""
        columns: dict[str, Any] = {
            field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)
        }
        return Interactions(**columns)


def concatenate(batches: list[Interactions]) -> Interactions:
    """Concatenates one or more batches of events."""
    return Interactions(
        **{
            field.name: np.concatenate([getattr(batch, field.name) for batch in batches])
            for field in dataclasses.fields(Interactions)
        }
    )


def by_user_blocks(events: Interactions, width: int) -> Iterator[tuple[int, Interactions]]:
    """Yields the events of each block of `width` consecutive users, in their given order.

    Args:
        events: in any order.
        width: number of users per block; block n has the user rows from n * width.
    """
    if not len(events):
        return
    blocks = events.user // width
    first = int(blocks.min())
    if first == int(blocks.max()):
        yield first, events
        return
    order = np.argsort(blocks, kind="stable")
    numbers, starts = np.unique(blocks[order], return_index=True)
    for number, rows in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        yield number, events.take(rows)


def in_order(events: Interactions, user_ids: "IdIndex", item_ids: "IdIndex") -> Interactions:
    """Sorts events by user, time and the SHA-1 of "user:item", and numbers each history.

    Item ids carry information (in MovieLens, low ids are popular films), so that an order by id
    within one second would leak the next item to a sequence model; the digest is uninformative.
    """
    events = events.take(_by_user_and_time(events))
    same = (events.user[1:] == events.user[:-1]) & (events.time[1:] == events.time[:-1])
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(tied):
        # Only events of the same user and time need the digest.
        ties = events.take(tied)
        digests = _digests(ties, user_ids, item_ids)
        order = np.lexsort((digests, ties.time, ties.user))
        rows = np.arange(len(events))
        rows[tied] = tied[order]
        events = events.take(rows)
    starts = np.searchsorted(events.user, events.user, side="left")
    events.order = (np.arange(len(events)) - starts).astype(np.int32)
    return events


def _by_user_and_time(events: Interactions) -> np.ndarray:
    """Returns the stable order by user and time; by one combined key if it fits into 63 bits."""
    if not len(events):
        return np.zeros(0, np.int64)
    time = events.time - events.time.min()
    user = events.user.astype(np.int64) - events.user.min()
    bits = int(time.max()).bit_length()
    if bits + int(user.max()).bit_length() > 63:
        return np.lexsort((events.time, events.user))
    return np.argsort(user << bits | time, kind="stable")


def _digests(events: Interactions, user_ids: "IdIndex", item_ids: "IdIndex") -> np.ndarray:
    def encoded(rows: np.ndarray, ids: "IdIndex") -> list[bytes]:
        distinct, inverse = np.unique(rows, return_inverse=True)
        texts = np.array([text.encode() for text in ids.take(distinct)], object)
        return texts[inverse].tolist()

    users, items = encoded(events.user, user_ids), encoded(events.item, item_ids)
    sha1 = hashlib.sha1
    digests = [sha1(b"%b:%b" % pair).digest() for pair in zip(users, items, strict=True)]
    # In hexadecimal, since NumPy strips zero bytes at the end of a string.
    return np.array([digest.hex() for digest in digests], "S40")
