"""Which event is for training, which for validation and which for the test."""

import abc
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmmrec.data.interactions.events import SPLITS, Interactions

# Users with fewer positives have none that is predicted.
MIN_POSITIVES = 5

_VALID, _TEST = SPLITS.index("valid"), SPLITS.index("test")


class Splitter(abc.ABC):
    """Splits events that come in batches of whole users, in the order of users.

    Attributes:
        seen: how many events came so far.
    """

    seen = 0

    @abc.abstractmethod
    def split(self, events: Interactions) -> np.ndarray:
        """Returns the part of each event, int8 `[events]`, an index of SPLITS."""

    def state(self) -> dict[str, Any]:
        """Returns what it knows of the events that came so far, as JSON."""
        return {"seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on behind the events of `state`."""
        self.seen = state["seen"]

    def parts(self, events: Interactions) -> np.ndarray:
        """Splits the next batch of events, in order as `in_order` gives them."""
        parts = self.split(events)
        self.seen += len(events)
        return parts


def create_splitter(split: dict[str, Any], times: np.ndarray, seed: int) -> Splitter:
    """Builds the splitter of `{by: last_out}` and its kin, as the dataset file has them.

    Args:
        split: the declaration, with its defaults filled in.
        times: the times of all events that will come, int64 `[events]`, in any order.
        seed: of the random split.
    """
    if split["by"] == "last_out":
        return _LastOut()
    if split["by"] == "time":
        return _ByTime(times, *_bounds(split, len(times)))
    if split["by"] == "random":
        return _AtRandom(len(times), *_bounds(split, len(times)), seed)
    return _AsGiven()


def split_events(
    events: Interactions,
    splitter: Splitter,
    cold_items: np.ndarray | list[int],
    cold_users: np.ndarray | list[int],
) -> Iterator[tuple[str, Interactions]]:
    """Yields each split's name and events of the next batch; what is cold has all in test.

    Args:
        events: as `Splitter.parts` takes them.
        splitter: says what belongs where.
        cold_items: rows of the cold items.
        cold_users: rows of the cold users.
    """
    parts = splitter.parts(events)
    parts[np.isin(events.item, cold_items) | np.isin(events.user, cold_users)] = _TEST
    for part, name in enumerate(SPLITS):
        yield name, events.take(parts == part)


def _bounds(split: dict[str, Any], count: int) -> tuple[int, int]:
    """How many events come before the valid part, and before the test part."""
    num_test = round(split["test_share"] * count)
    return count - num_test - round(split["valid_share"] * count), count - num_test


class _AsGiven(Splitter):
    """The part that the table's column says; all in train when there is no such column."""

    def split(self, events: Interactions) -> np.ndarray:
        return events.part.astype(np.int8)


class _LastOut(Splitter):
    """The last positive of each user is for the test, the one before it for validation.

    Users with fewer than 5 positives stay in train as a whole.
    """

    def split(self, events: Interactions) -> np.ndarray:
        parts = np.zeros(len(events), np.int8)
        rows = np.flatnonzero(events.positive)
        _, starts, counts = np.unique(events.user[rows], return_index=True, return_counts=True)
        last = (starts + counts - 1)[counts >= MIN_POSITIVES]
        parts[rows[last]] = _TEST
        parts[rows[last - 1]] = _VALID
        return parts


class _AtRandom(Splitter):
    """Shares of all events, drawn by chance."""

    def __init__(self, count: int, before_valid: int, before_test: int, seed: int):
        order = np.random.default_rng(seed).permutation(count)
        self.all_parts = np.zeros(count, np.int8)
        self.all_parts[order[before_valid:]] = _VALID
        self.all_parts[order[before_test:]] = _TEST

    def split(self, events: Interactions) -> np.ndarray:
        return self.all_parts[self.seen : self.seen + len(events)]


class _ByTime(Splitter):
    """Shares of all events, the latest for the test; of one moment's, the first users' go first."""

    def __init__(self, times: np.ndarray, before_valid: int, before_test: int):
        ordered = np.sort(times)
        self.cuts: list[list[int]] = []
        for before, part in ((before_valid, _VALID), (before_test, _TEST)):
            if before < len(ordered):
                moment = ordered[before]
                # So many events of that very moment stay before the cut.
                kept = before - int(np.searchsorted(ordered, moment))
                self.cuts.append([int(moment), kept, part])

    def split(self, events: Interactions) -> np.ndarray:
        parts = np.zeros(len(events), np.int8)
        for cut in self.cuts:
            moment, kept, part = cut
            parts[events.time > moment] = part
            at = np.flatnonzero(events.time == moment)
            parts[at[kept:]] = part
            cut[1] = max(0, kept - len(at))
        return parts

    def state(self) -> dict[str, Any]:
        return {**super().state(), "kept": [kept for _, kept, _ in self.cuts]}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        for cut, kept in zip(self.cuts, state["kept"], strict=True):
            cut[1] = kept
