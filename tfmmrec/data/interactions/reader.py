"""Reads the interaction table by columns; each distinct value is parsed once per chunk."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.data.dataset_file import InteractionTable
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions.events import SPLITS, Interactions
from tfmmrec.data.interactions.id_hints import IdHints
from tfmmrec.data.interactions.parsing import to_id
from tfmmrec.data.interactions.positives import apply_rule
from tfmmrec.data.positive import Condition
from tfmmrec.data.tables.chunks import Chunk, OnReject
from tfmmrec.data.tables.read import read_chunks
from tfmmrec.data.times import TimeReader
from tfmmrec.errors import BrokenValue, DataError
from tfmmrec.modalities.number import to_number
from tfmmrec.modalities.text import to_utf8

# The number of rows from which the unit of times is guessed, at least; it may be several chunks.
_SAMPLE_ROWS = 8192


def read_interactions(
    table: InteractionTable,
    items: IdIndex,
    users: IdIndex,
    on_reject: OnReject,
    on_unknown: Callable[[int], None] = lambda count: None,
) -> Iterator[Interactions]:
    """Streams the interaction table; new users are added to `users`.

    Args:
        table: the table and its columns.
        items: the item ids; events with other items are rejected.
        users: the user ids.
        on_reject: called with (row, field, reason) for each rejected row.
        on_unknown: called with numbers of events, the total of which are not positives because a
            value that the rule needs is absent.

    Yields:
        Batches of events in the order of the table; `order` is not set yet.
    """
    times, hints = TimeReader(table.time_format), IdHints(items)
    chunks = read_chunks(table.source, table.columns(), on_reject, (table.user, table.item))
    if table.time:
        sample, chunks = _sample(chunks)
        times.learn([_values(chunk, table.time) for chunk in sample])
    for chunk in chunks:
        reader = _ChunkReader(table, chunk, times, hints, items, users, on_reject)
        events = reader.read()
        on_unknown(reader.num_unknown)
        yield events


def _sample(chunks: Iterator[Chunk]) -> tuple[list[Chunk], Iterator[Chunk]]:
    """Returns the first chunks, with enough rows for a sample, and all chunks."""
    sample: list[Chunk] = []
    while sum(map(len, sample)) < _SAMPLE_ROWS and (chunk := next(chunks, None)) is not None:
        sample.append(chunk)
    return sample, itertools.chain(sample, chunks)


def _values(chunk: Chunk, column: str) -> pa.Array | list[Any]:
    """Returns the values of a column, as Arrow or Python has them."""
    array = chunk.array(column)
    if array is not None:
        return array
    codes, distinct = chunk.coded(column)
    return [distinct[code] if code >= 0 else None for code in codes.tolist()]


class _ChunkReader:
    """Reads one chunk; of a row with several invalid fields, the first is reported.

    Attributes:
        num_unknown: the number of events that are not positives because a value is absent.
    """

    def __init__(
        self,
        table: InteractionTable,
        chunk: Chunk,
        times: TimeReader,
        hints: IdHints,
        items: IdIndex,
        users: IdIndex,
        on_reject: OnReject,
    ):
        self.table = table
        self.chunk = chunk
        self.times = times
        self.hints = hints
        self.items = items
        self.users = users
        self.on_reject = on_reject
        self.is_valid = np.ones(len(chunk), bool)
        self.rejects: list[tuple[int, str, str]] = []
        self.num_unknown = 0

    def read(self) -> Interactions:
        table = self.table
        users, user_codes = self._ids(table.user)
        items, item_codes = self._ids(table.item)
        item_rows = self._known_items(items, item_codes)
        time = np.zeros(len(self.chunk), np.int64)
        if table.time:
            time = self._times(table.time)
        rating = np.full(len(self.chunk), np.nan, np.float32)
        if table.rating:
            rating = self._numbers(table.rating, to_number)
        positive, is_unknown = self._positives()
        kind, weight = self._kinds()
        part = self._parts()
        self._reject()
        valid = self.is_valid
        self.num_unknown = int((is_unknown & (weight > 0))[valid].sum())
        return Interactions(
            user=self._user_rows(users, user_codes[valid]).astype(np.int32),
            item=item_rows[valid].astype(np.int32),
            time=time[valid],
            rating=rating[valid].astype(np.float32),
            positive=(positive & (weight > 0))[valid],
            order=np.zeros(int(valid.sum()), np.int32),
            part=part[valid],
            kind=kind[valid],
            weight=weight[valid],
        )

    def _column(
        self, column: str, parse: Callable[[Any], Any], filler: Any, missing: str | None
    ) -> tuple[Any, np.ndarray]:
        """Parses the distinct values of a column, and rejects the rows of invalid ones.

        Args:
            column: name of the column.
            parse: parses a value, or raises BrokenValue.
            filler: stands for invalid and absent values.
            missing: reason to reject rows without a value; None accepts them.

        Returns:
            The parsed values, with `filler` for invalid ones and as the last value, for absent
            ones; and the codes into them, int `[rows]`.
        """
        codes, distinct = self.chunk.coded(column)
        if missing is not None:
            self._fail(np.flatnonzero(codes < 0), column, lambda row: missing)
        plain = _parse_ids(distinct) if parse is to_id else None
        if plain is not None:
            return plain, codes
        parsed: list[Any] = []
        reasons: dict[int, str] = {}
        for raw in distinct.to_pylist() if isinstance(distinct, pa.Array) else distinct:
            try:
                parsed.append(parse(raw))
            except BrokenValue as error:
                reasons[len(parsed)] = str(error)
                parsed.append(filler)
        if reasons:
            is_invalid = np.zeros(len(parsed) + 1, bool)
            is_invalid[list(reasons)] = True
            rows = np.flatnonzero(is_invalid[codes])
            self._fail(rows, column, lambda row: reasons[int(codes[row])])
        return [*parsed, filler], codes

    def _ids(self, column: str) -> tuple[pa.Array, np.ndarray]:
        values, codes = self._column(column, to_id, "", "the id is missing")
        return pa.array(values, pa.large_string()), codes

    def _times(self, column: str) -> np.ndarray:
        # Most times are distinct, so that dictionary encoding would not pay.
        times = self.times.read(_values(self.chunk, column))
        self._fail(np.flatnonzero(times.is_absent), column, lambda row: "the time is missing")
        self._fail(np.flatnonzero(times.is_invalid), column, times.reason)
        return times.milliseconds

    def _numbers(self, column: str, parse: Callable[[Any], float]) -> np.ndarray:
        values, codes = self._column(column, parse, np.nan, None)
        return np.asarray(values, np.float64)[codes]

    def _positives(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns which rows are positives, and which are not because a value is absent."""
        if self.table.positive is None:
            return np.ones(len(self.chunk), bool), np.zeros(len(self.chunk), bool)
        return apply_rule(self.table.positive, self._evaluate)

    def _evaluate(self, condition: Condition) -> tuple[np.ndarray, np.ndarray]:
        values, codes = self._column(condition.column, condition.holds, False, None)
        return np.asarray(values, bool)[codes], codes < 0

    def _kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the row of the kind of each event, and its weight."""
        column, kinds = self.table.kind, self.table.kinds
        if column is None:
            return np.zeros(len(self.chunk), np.int16), np.ones(len(self.chunk), np.float32)
        values, codes = self._column(column, kinds.row, 0, "the kind is missing")
        rows = np.asarray(values, np.int16)[codes]
        return rows, np.array(list(kinds.weights.values()), np.float32)[rows]

    def _known_items(self, ids: pa.Array, codes: np.ndarray) -> np.ndarray:
        rows = self.items.rows(ids)[codes]
        unknown = np.flatnonzero((rows < 0) & self.is_valid)
        hints = self.hints.of(ids, codes[unknown]) if len(unknown) else {}

        def reason(row: int) -> str:
            code = int(codes[row])
            return f"unknown item {ids[code].as_py()!r}{hints.pop(code, '')}"

        self._fail(unknown, self.table.item, reason)
        return rows

    def _user_rows(self, ids: pa.Array, codes: np.ndarray) -> np.ndarray:
        """Looks up the users of valid rows; new ones are added in order of appearance."""
        first = np.full(len(ids), len(codes))
        # Assigned in reverse, so that the first of equal codes remains.
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        rows = self.users.rows(ids)
        new = np.flatnonzero((rows < 0) & (first < len(codes)))
        if len(new):
            # Distinct values, such as " a" and "a", may be parsed to the same id.
            self.users.extend(pc.unique(ids.take(pa.array(new[np.argsort(first[new])]))))
            rows = self.users.rows(ids)
        return rows[codes]

    def _parts(self) -> np.ndarray:
        column = self.table.extra
        if column is None:
            return np.zeros(len(self.chunk), np.int8)

        def parse(raw: Any) -> int:
            part = to_utf8(raw).decode().strip()
            if part not in SPLITS:
                raise DataError(
                    f"{self.table.source.label}: column {column!r} has {part!r}; "
                    f"it must be one of {', '.join(SPLITS)}"
                )
            return SPLITS.index(part)

        values, codes = self._column(column, parse, 0, "the split is missing")
        return np.asarray(values, np.int8)[codes]

    def _fail(self, rows: np.ndarray, column: str, reason: Callable[[int], str]) -> None:
        for row in rows[self.is_valid[rows]].tolist():
            self.rejects.append((row, column, reason(row)))
        self.is_valid[rows] = False

    def _reject(self) -> None:
        for row, column, reason in sorted(self.rejects):
            self.on_reject(int(self.chunk.numbers[row]), column, reason)


def _parse_ids(values: Any) -> pa.Array | None:
    """Parses plain ids, followed by ""; returns None if any has another form."""
    texts = _as_texts(values)
    if texts is None or not pc.all(pc.match_substring_regex(texts, _PLAIN_ID)).as_py():
        return None
    return pa.concat_arrays([texts, pa.array([""])]).cast(pa.large_string())


# Printable ASCII, with spaces in between.
_PLAIN_ID = "^[!-~]([ -~]*[!-~])?$"


def _as_texts(values: Any) -> pa.Array | None:
    if not isinstance(values, pa.Array):
        return None
    kind = values.type
    if not (pa.types.is_binary(kind) or pa.types.is_string(kind) or pa.types.is_integer(kind)):
        return None
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return None
