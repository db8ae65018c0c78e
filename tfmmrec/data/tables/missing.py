"""Texts that mean a missing value, such as NA: makes those that are given absent, counts others."""

import collections
from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.data.tables.chunks import ArrowChunk, Chunk, Row, RowChunk
from tfmmrec.data.tables.source import TableSource
from tfmmrec.modalities.text import quote

# What databases, R, pandas and spreadsheets write. "-" and "?" are too often meant as they are.
USUAL_MARKS = frozenset(
    ["\\N", "NA", "N/A", "#N/A", "NULL", "null", "None", "nan", "NaN", "NAN", "<NA>"]
)
# Tables of text have their values as bytes.
_MARKS_OF_EITHER = USUAL_MARKS | {mark.encode() for mark in USUAL_MARKS}
_QUOTED_MARKS = {quote(mark): mark for mark in USUAL_MARKS}
# A table with a smaller share of them gives no message: NA may be Namibia.
MIN_SHARE = 0.01


def drop_missing(chunk: Chunk, marks: Collection[str], columns: Iterable[str]) -> Chunk:
    """Makes the values of some columns absent that equal one of the marks."""
    if not marks:
        return chunk
    if isinstance(chunk, RowChunk):
        for row in chunk.content:
            row.update({name: None for name in columns if _is_mark(row[name], marks)})
    elif isinstance(chunk, ArrowChunk):
        for name in columns:
            position = chunk.batch.schema.get_field_index(name)
            array = _without(chunk.batch.column(position), marks)
            chunk.batch = chunk.batch.set_column(position, name, array)
    return chunk


def _is_mark(value: object, marks: Collection[str]) -> bool:
    return isinstance(value, str) and value in marks


def _without(array: pa.Array, marks: Collection[str]) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (is_text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return array
    found = pc.is_in(array, pa.array([mark.encode() for mark in marks], pa.binary()).cast(kind))
    return pc.if_else(found, pa.scalar(None, kind), array)


class MarkCounter:
    """Counts values that look like marks of missing values, unless the table declares its own.

    Args:
        source: the table.
        columns: its columns other than ids.
    """

    def __init__(self, source: TableSource, columns: Iterable[str]):
        self.source = source
        self.columns = list(columns) if source.dialect.missing is None else []
        self.num_values = 0
        self.counts: collections.Counter[str] = collections.Counter()

    def watch(self, rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
        """Counts the values of rows as they pass."""
        for number, row in rows:
            self._add(row)
            yield number, row

    def _add(self, row: Row) -> None:
        for name in self.columns:
            value = row[name]
            if value is None:
                continue
            self.num_values += 1
            # Every value of the table comes here; lists cannot be in a set.
            if type(value) in (bytes, str) and value in _MARKS_OF_EITHER:
                self.counts[value.decode() if isinstance(value, bytes) else value] += 1

    def message(self) -> str | None:
        """Returns one line if there are many such values."""
        total = self.counts.total()
        if not total or total < MIN_SHARE * self.num_values:
            return None
        return f"{self.source.name}: {describe_marks(self.counts)}"


def describe_marks(counts: collections.Counter[str], given: Collection[str] = ()) -> str:
    """Says how many values look like marks of missing values, and what to declare.

    Args:
        counts: the number of values of each mark.
        given: the marks that the table declares already.
    """
    found = ", ".join(f"{mark!r} {count:,}" for mark, count in counts.most_common())
    marks = ", ".join(f'"{mark}"' for mark in [*given, *counts]).replace("\\", "\\\\")
    return (
        f"{counts.total():,} values look like marks of missing values: {found}; "
        f"if they are, give missing: [{marks}]"
    )


def rejected_mark(reason: str) -> str | None:
    """Returns the mark that the reason of a reject quotes at its end, or None."""
    return _QUOTED_MARKS.get(reason.rpartition(": ")[2])
