"""Splits events into train, valid and test."""

import abc
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmmrec.data.interactions.events import SPLITS, Interactions
from tfmmrec.data.interactions.kinds import EventKinds

# Users with fewer positives are in train only.
MIN_POSITIVES = 5

_VALID, _TEST = SPLITS.index("valid"), SPLITS.index("test")


class Splitter(abc.ABC):
    """Splits batches of events; each batch has all events of its users, in the order of users.

    Attributes:
        seen: number of events split so far.
    """

    seen = 0

    @abc.abstractmethod
    def split(self, events: Interactions) -> np.ndarray:
        """Returns the split of each event, int8 `[events]`, an index of SPLITS."""

    def state(self) -> dict[str, Any]:
        """Returns its state after the events so far, as JSON."""
        return {"seen": self.seen}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues after the events of `state`."""
        self.seen = state["seen"]

    def parts(self, events: Interactions) -> np.ndarray:
        """Splits the next batch of events, sorted by `in_order`."""
        parts = self.split(events)
        self.seen += len(events)
        return parts


def create_splitter(
    split: dict[str, Any], times: np.ndarray, seed: int, kinds: EventKinds = EventKinds()
) -> Splitter:
    """Creates a splitter from the `split` section of a dataset file.

    Args:
        split: the section, with defaults filled in.
        times: int64 `[events]`, times of all events, in any order.
        seed: of the random split.
        kinds: the kinds of the log (default: it has none).
    """
    if split["by"] == "last_out":
        return _LastOutSplitter() if not kinds else _LastTargetOutSplitter(kinds)
    if split["by"] == "time":
        return _TimeSplitter(times, *_bounds(split, len(times)))
    if split["by"] == "random":
        return _RandomSplitter(len(times), *_bounds(split, len(times)), seed)
    return _ColumnSplitter()


def split_events(
    events: Interactions,
    splitter: Splitter,
    cold_items: np.ndarray | list[int],
    cold_users: np.ndarray | list[int],
) -> Iterator[tuple[str, Interactions]]:
    """Yields the name and the events of each split; all events of cold entities are in test.

    Args:
        events: the next batch of events, sorted by `in_order`.
        splitter: splits the events of items and users that are not cold.
        cold_items: rows of cold items.
        cold_users: rows of cold users.
    """
    parts = splitter.parts(events)
    parts[np.isin(events.item, cold_items) | np.isin(events.user, cold_users)] = _TEST
    for part, name in enumerate(SPLITS):
        yield name, events.take(parts == part)


def _bounds(split: dict[str, Any], count: int) -> tuple[int, int]:
    """Returns the number of events before the valid split, and before the test split."""
    num_test = round(split["test_share"] * count)
    return count - num_test - round(split["valid_share"] * count), count - num_test


class _ColumnSplitter(Splitter):
    """The split named by a column of the table; train for all events without such a column."""

    def split(self, events: Interactions) -> np.ndarray:
        return events.part.astype(np.int8)


class _LastOutSplitter(Splitter):
    """Leave-last-out: the last positive of each user is test, the one before it valid.

    All events of users with fewer than 5 positives are in train.
    """

    def split(self, events: Interactions) -> np.ndarray:
        parts = np.zeros(len(events), np.int8)
        rows = np.flatnonzero(events.positive)
        _, starts, counts = np.unique(events.user[rows], return_index=True, return_counts=True)
        last = (starts + counts - 1)[counts >= MIN_POSITIVES]
        parts[rows[last]] = _TEST
        parts[rows[last - 1]] = _VALID
        return parts


class _LastTargetOutSplitter(Splitter):
    """Leave-last-out of a log with kinds: only positives of the largest weight are held out.

    The last of them with 4 positives before it is test, the one before that is valid if it has 3,
    which is the rule of `_LastOutSplitter` where all positives have one weight. Every later event
    of the user moves along, whatever its kind: in train it would tell of what comes after the
    target. Between the two held-out events, it is part of the history before the test event.

    Args:
        kinds: the kinds of the log.
    """

    def __init__(self, kinds: EventKinds):
        self.kinds = kinds

    def split(self, events: Interactions) -> np.ndarray:
        parts = np.zeros(len(events), np.int8)
        _, starts, rows_of_user = np.unique(events.user, return_index=True, return_inverse=True)
        earlier = np.cumsum(events.positive) - events.positive
        earlier -= earlier[starts[rows_of_user]] if len(events) else 0
        rows = np.flatnonzero(self.kinds.are_targets(events))
        _, first, counts = np.unique(events.user[rows], return_index=True, return_counts=True)
        last = first + counts - 1
        has_test = earlier[rows[last]] >= MIN_POSITIVES - 1
        last, counts = last[has_test], counts[has_test]
        before_last = rows[last[counts > 1] - 1]
        parts[before_last[earlier[before_last] >= MIN_POSITIVES - 2]] = _VALID
        parts[rows[last]] = _TEST
        # The largest split so far of each user.
        base = rows_of_user * len(SPLITS)
        return (np.maximum.accumulate(base + parts) - base).astype(np.int8)


class _RandomSplitter(Splitter):
    """Random fractions of all events."""

    def __init__(self, count: int, before_valid: int, before_test: int, seed: int):
        order = np.random.default_rng(seed).permutation(count)
        self.all_parts = np.zeros(count, np.int8)
        self.all_parts[order[before_valid:]] = _VALID
        self.all_parts[order[before_test:]] = _TEST

    def split(self, events: Interactions) -> np.ndarray:
        return self.all_parts[self.seen : self.seen + len(events)]


class _TimeSplitter(Splitter):
    """Fractions of all events by time, the latest in test; ties go by the order of users."""

    def __init__(self, times: np.ndarray, before_valid: int, before_test: int):
        ordered = np.sort(times)
        self.cuts: list[list[int]] = []
        for before, part in ((before_valid, _VALID), (before_test, _TEST)):
            if before < len(ordered):
                moment = ordered[before]
                # The number of events at that time that are before the cut.
                num_before = before - int(np.searchsorted(ordered, moment))
                self.cuts.append([int(moment), num_before, part])

    def split(self, events: Interactions) -> np.ndarray:
        parts = np.zeros(len(events), np.int8)
        for cut in self.cuts:
            moment, num_before, part = cut
            parts[events.time > moment] = part
            at = np.flatnonzero(events.time == moment)
            parts[at[num_before:]] = part
            cut[1] = max(0, num_before - len(at))
        return parts

    def state(self) -> dict[str, Any]:
        return {**super().state(), "num_before": [num_before for _, num_before, _ in self.cuts]}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        for cut, num_before in zip(self.cuts, state["num_before"], strict=True):
            cut[1] = num_before
