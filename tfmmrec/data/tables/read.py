"""Reads tables of all types; a malformed row does not affect others."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tfmmrec.data.tables.chunks import Chunk, OnReject, Row, RowChunk
from tfmmrec.data.tables.columnar import count_parquet, read_feather, read_orc, read_parquet
from tfmmrec.data.tables.columns import check_columns
from tfmmrec.data.tables.csv import read_csv
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.jsonl import read_jsonl
from tfmmrec.data.tables.missing import drop_missing
from tfmmrec.data.tables.open_file import open_bytes
from tfmmrec.data.tables.source import TableSource
from tfmmrec.errors import DataError, one_line

__all__ = ["Chunk", "OnReject", "Row", "count_rows", "read_chunks", "read_table"]

Reader = Callable[[Path, list[str], OnReject, Dialect], Iterator[Chunk]]

_READERS: dict[str, Reader] = {
    "csv": read_csv,
    "tsv": read_csv,
    "json": read_jsonl,
    "parquet": read_parquet,
    "feather": read_feather,
    "orc": read_orc,
}


def read_chunks(
    source: TableSource,
    columns: Iterable[str],
    on_reject: OnReject,
    ids: Collection[str] = (),
) -> Iterator[Chunk]:
    """Streams some columns of a table in chunks of rows.

    Args:
        source: the files of the table.
        columns: the columns to read; each must exist.
        on_reject: called with (row, field, reason) for each malformed row, in the order of rows,
            before any later row is yielded.
        ids: those columns that hold ids, which the marks of missing values do not concern.

    Yields:
        Chunks of at most 262,144 rows. An absent or empty value is None. Values of csv and tsv
        are bytes, so that ids such as 007 are unchanged and invalid UTF-8 affects one field only.

    Raises:
        DataError: a file cannot be read, a column is missing, or the table has no valid row.
    """
    required = list(columns)
    others = [column for column in required if column not in ids]
    rejects = _Rejects(source, on_reject)
    num_rows = 0
    keys: set[str] | None = None
    for chunks in _parts(source, required, rejects):
        for chunk in chunks:
            num_rows += len(chunk)
            if isinstance(chunk, RowChunk):
                keys = (keys or set()) | chunk.keys
            yield drop_missing(chunk, source.dialect.missing or (), others)
    if keys is not None:
        # A row may lack a key, but a key that every row lacks is an error in the dataset file.
        check_columns(source.label, required, sorted(keys))
    if not num_rows:
        raise rejects.no_rows()


def _parts(
    source: TableSource, columns: list[str], rejects: "_Rejects"
) -> Iterator[Iterator[Chunk]]:
    if source.query:
        yield source.query.read(columns)
    for nth in range(len(source.parts)):
        yield _read_part(source, nth, columns, rejects)


def _read_part(
    source: TableSource, nth: int, columns: list[str], rejects: "_Rejects"
) -> Iterator[Chunk]:
    path, before = source.parts[nth], source.number_before(nth)

    def on_reject(row: int, field: str | None, reason: str) -> None:
        rejects.add(before + row, field, reason)

    try:
        for chunk in _READERS[source.type](path, columns, on_reject, source.dialect):
            if before:
                chunk.numbers = chunk.numbers + before
            yield chunk
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read: {one_line(error)}") from None


class _Rejects:
    """Passes on the rejected rows, and keeps their number and the first."""

    def __init__(self, source: TableSource, on_reject: OnReject):
        self.source = source
        self.on_reject = on_reject
        self.total = 0
        self.first = ""

    def add(self, row: int, field: str | None, reason: str) -> None:
        if not self.total:
            part, number = self.source.locate(row)
            where = f"{part} row {number}" if len(self.source.parts) > 1 else f"row {number}"
            self.first = f"{where}: {reason}"
        self.total += 1
        self.on_reject(row, field, reason)

    def no_rows(self) -> DataError:
        if not self.total:
            return DataError(f"{self.source.label}: the table has no rows")
        rows = f"none of its {self.total:,} rows" if self.total > 1 else "its only row"
        cannot = "can be read" if self.total > 1 else "cannot be read"
        return DataError(f"{self.source.label}: {rows} {cannot}; first: {self.first}")


def read_table(
    source: TableSource,
    columns: Iterable[str],
    on_reject: OnReject,
    ids: Collection[str] = (),
) -> Iterator[tuple[int, Row]]:
    """Streams a table by row: its number from 1, and its values by column.

    Arguments and errors are those of `read_chunks`.
    """
    for chunk in read_chunks(source, columns, on_reject, ids):
        yield from zip(chunk.numbers.tolist(), chunk.rows(), strict=True)


def count_rows(source: TableSource) -> int:
    """Counts the rows of a table for a progress bar: lines of text formats; 0 if unknown."""
    if source.type == "parquet":
        return sum(count_parquet(path) for path in source.parts)
    if source.type not in ("csv", "tsv", "json"):
        return 0
    return sum(_count_lines(path) for path in source.parts)


def _count_lines(path: Path) -> int:
    with open_bytes(path) as file:
        blocks = iter(lambda: file.read(1 << 24), b"")
        return sum(int(np.count_nonzero(np.frombuffer(b, np.uint8) == 10)) for b in blocks)
