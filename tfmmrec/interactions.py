"""The log of who chose what, as arrays: read, brought into order, split."""

import dataclasses
import datetime
import hashlib
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.dataset_file import InteractionTable
from tfmmrec.errors import BrokenValue, DataError
from tfmmrec.modalities.number import to_number
from tfmmrec.modalities.text import to_utf8
from tfmmrec.tables import OnReject, read_table

SPLITS = ("train", "valid", "test")

# Times are stored as int64 milliseconds; this is far past any of them.
_MOST_SECONDS = 1e15

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclasses.dataclass
class Interactions:
    """Events in columns, all of the same length.

    Attributes:
        user: int32, rows of the user vocabulary.
        item: int32, rows of the item vocabulary.
        time: int64, Unix milliseconds (0 when the log has no times).
        rating: float32, NaN when there is none.
        positive: bool, whether the event counts as a choice for retrieval.
        order: int32, the event's place in its user's whole history.
        extra: the column that names each row's split, or None.
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    rating: np.ndarray
    positive: np.ndarray
    order: np.ndarray
    extra: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: np.ndarray) -> "Interactions":
        """Returns the events of some rows (indices or a mask)."""
        columns: dict[str, Any] = {
            field.name: None if (column := getattr(self, field.name)) is None else column[rows]
            for field in dataclasses.fields(self)
        }
        return Interactions(**columns)


def read_interactions(
    table: InteractionTable, items: dict[str, int], users: dict[str, int], on_reject: OnReject
) -> Interactions:
    """Reads the interaction table; a user who is not yet in `users` is added to it.

    Args:
        table: what to read.
        items: rows of the known items by id; an event with another one is rejected.
        users: rows of the known users by id.
        on_reject: called with (row, field, reason) for each broken row.
    """
    events: list[tuple[int, int, int, float, bool]] = []
    extra: list[str] = []
    for number, row in read_table(table.path, table.columns(), on_reject):
        try:
            user, item, *event = _read_event(table, row, items)
            part = _read_part(table, row)
        except _BrokenField as error:
            on_reject(number, error.field, str(error))
            continue
        events.append((users.setdefault(user, len(users)), items[item], *event))  # type: ignore[arg-type]
        if table.extra:
            extra.append(part)
    columns = list(zip(*events, strict=True)) if events else [()] * 5
    interactions = Interactions(
        user=np.array(columns[0], np.int32),
        item=np.array(columns[1], np.int32),
        time=np.array(columns[2], np.int64),
        rating=np.array(columns[3], np.float32),
        positive=np.array(columns[4], bool),
        order=np.zeros(len(events), np.int32),
        extra=np.array(extra) if table.extra else None,
    )
    return in_order(interactions, list(users), list(items))


class _BrokenField(BrokenValue):
    def __init__(self, field: str, reason: str):
        super().__init__(reason)
        self.field = field


def _read_event(
    table: InteractionTable, row: dict[str, Any], items: dict[str, int]
) -> tuple[str, str, int, float, bool]:
    def read(column: str | None, parse: Callable[[Any], Any], default: Any) -> Any:
        value = row[column] if column else None
        if value is None:
            return default
        try:
            return parse(value)
        except BrokenValue as error:
            raise _BrokenField(str(column), str(error)) from None

    def identity(column: str) -> str:
        value = read(column, to_id, None)
        if value is None:
            raise _BrokenField(column, "the id is missing")
        return value

    item = identity(table.item)
    if item not in items:
        raise _BrokenField(table.item, f"unknown item {item!r}")
    if table.time and row[table.time] is None:
        raise _BrokenField(table.time, "the time is missing")
    positive = True
    if table.positive:
        column, comparison, bound = table.positive
        value = read(column, to_number, None)
        positive = value is not None and _COMPARISONS[comparison](value, bound)
    return (
        identity(table.user),
        item,
        read(table.time, to_milliseconds, 0),
        read(table.rating, to_number, np.nan),
        positive,
    )


def _read_part(table: InteractionTable, row: dict[str, Any]) -> str:
    try:
        return to_utf8(row[table.extra] or "").decode() if table.extra else ""
    except BrokenValue as error:
        raise _BrokenField(str(table.extra), str(error)) from None


def to_id(raw: Any) -> str:
    """Reads an id as text; raises BrokenValue when it holds a line break or is no UTF-8."""
    identity = to_utf8(raw).decode("utf-8").strip()
    if not identity:
        raise BrokenValue("the id is missing")
    if "\n" in identity or "\r" in identity:
        raise BrokenValue("the id holds a line break")
    return identity


def to_milliseconds(raw: Any) -> int:
    """Reads Unix seconds or ISO 8601 (UTC unless it says otherwise) as Unix milliseconds."""
    if isinstance(raw, bytes):
        raw = to_utf8(raw).decode("utf-8")
    if isinstance(raw, str):
        try:
            raw = float(raw)
        except ValueError:
            try:
                raw = datetime.datetime.fromisoformat(raw.strip())
            except ValueError:
                raise BrokenValue(f"neither Unix seconds nor ISO 8601: {raw!r}") from None
    if isinstance(raw, datetime.datetime):
        raw = raw if raw.tzinfo else raw.replace(tzinfo=datetime.UTC)
        raw = raw.timestamp()
    seconds = to_number(raw)
    if abs(seconds) > _MOST_SECONDS:
        raise BrokenValue(f"the time is out of range: {raw!r}")
    return round(seconds * 1000)


def in_order(events: Interactions, user_ids: list[str], item_ids: list[str]) -> Interactions:
    """Sorts events by user, then time, then the SHA-1 of "user:item", and numbers each history.

    Item ids carry meaning (in MovieLens, low numbers are the popular films), so that an order by
    id within one second would tell a sequence model what comes next; the digest tells nothing.
    """
    digests = np.array(
        [
            hashlib.sha1(f"{user_ids[user]}:{item_ids[item]}".encode()).hexdigest()
            for user, item in zip(events.user, events.item, strict=True)
        ],
        "U40",
    )
    events = events.take(np.lexsort((digests, events.time, events.user)))
    starts = np.searchsorted(events.user, events.user, side="left")
    events.order = (np.arange(len(events)) - starts).astype(np.int32)
    return events


def split_interactions(
    events: Interactions, split: dict[str, Any], seed: int, path: Path
) -> np.ndarray:
    """Says of each event, in order, to which part it belongs.

    Args:
        events: as `read_interactions` gives them.
        split: `{by: last_out}` and its kin, as the dataset file has them.
        seed: of the random split.
        path: of the table, for errors.

    Returns:
        int8 `[events]`: 0 train, 1 valid, 2 test.
    """
    parts = np.zeros(len(events), np.int8)
    if split["by"] == "last_out":
        _split_last_out(events, parts)
    elif split["by"] == "time":
        _split_shares(np.argsort(events.time, kind="stable"), split, parts)
    elif split["by"] == "random":
        _split_shares(np.random.default_rng(seed).permutation(len(events)), split, parts)
    elif split["by"] == "column":
        if events.extra is None:
            raise DataError(f"{path}: the column {split['name']!r} was not read")
        for part in np.unique(events.extra):
            if part not in SPLITS:
                raise DataError(
                    f"{path}: column {split['name']!r} says {part!r}; "
                    f"it is to say one of {', '.join(SPLITS)}"
                )
            parts[events.extra == part] = SPLITS.index(part)
    return parts


def _split_last_out(events: Interactions, parts: np.ndarray, least: int = 5) -> None:
    rows = np.flatnonzero(events.positive)
    _, starts, counts = np.unique(events.user[rows], return_index=True, return_counts=True)
    last = (starts + counts - 1)[counts >= least]
    parts[rows[last]] = SPLITS.index("test")
    parts[rows[last - 1]] = SPLITS.index("valid")


def _split_shares(order: np.ndarray, split: dict[str, Any], parts: np.ndarray) -> None:
    num_test = round(split["test_share"] * len(order))
    num_valid = round(split["valid_share"] * len(order))
    parts[order[len(order) - num_test - num_valid :]] = SPLITS.index("valid")
    parts[order[len(order) - num_test :]] = SPLITS.index("test")
