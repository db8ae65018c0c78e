"""Reads csv, tsv, jsonl and parquet tables; a malformed row does not affect others."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tfmmrec.data.tables.chunks import Chunk, OnReject, Row
from tfmmrec.data.tables.csv import read_csv
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.jsonl import read_jsonl
from tfmmrec.data.tables.parquet import count_parquet, read_parquet
from tfmmrec.data.tables.source import TableSource
from tfmmrec.errors import DataError, one_line

__all__ = ["Chunk", "OnReject", "Row", "count_rows", "read_chunks", "read_table"]

Reader = Callable[[Path, list[str], OnReject, Dialect], Iterator[Chunk]]

_READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}


def read_chunks(
    source: TableSource, columns: Iterable[str], on_reject: OnReject
) -> Iterator[Chunk]:
    """Streams some columns of a table in chunks of rows.

    Args:
        source: files ending in .csv, .tsv, .jsonl, .ndjson or .parquet.
        columns: the columns to read; each must exist.
        on_reject: called with (row, field, reason) for each malformed row, in the order of rows,
            before any later row is yielded.

    Yields:
        Chunks of at most 262,144 rows. An absent or empty value is None. Values of csv and tsv
        are bytes, so that ids such as 007 are unchanged and invalid UTF-8 affects one field only.

    Raises:
        DataError: the file type is unknown, the table has no rows, or a column is missing.
    """
    rows = 0
    for nth, path in enumerate(source.parts):
        before = source.number_before(nth)

        def on_reject_of_part(
            row: int, field: str | None, reason: str, before: int = before
        ) -> None:
            on_reject(before + row, field, reason)

        for chunk in _read_part(path, list(columns), on_reject_of_part, source.dialect):
            rows += len(chunk)
            chunk.numbers = chunk.numbers + before
            yield chunk
    if not rows:
        raise DataError(f"{source.path}: the table has no rows")


def _read_part(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[Chunk]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: unknown type of table; use csv, tsv, jsonl or parquet")
    try:
        yield from reader(path, columns, on_reject, dialect)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read: {one_line(error)}") from None


def read_table(
    source: TableSource, columns: Iterable[str], on_reject: OnReject
) -> Iterator[tuple[int, Row]]:
    """Streams a table by row: its number from 1, and its values by column.

    Arguments and errors are those of `read_chunks`.
    """
    for chunk in read_chunks(source, columns, on_reject):
        yield from zip(chunk.numbers.tolist(), chunk.rows(), strict=True)


def count_rows(source: TableSource) -> int:
    """Counts the rows of a table for a progress bar; for text formats, the number of lines."""
    return sum(_count_part(path) for path in source.parts)


def _count_part(path: Path) -> int:
    if path.suffix.lower() == ".parquet":
        return count_parquet(path)
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(1 << 24), b"")
        return sum(int(np.count_nonzero(np.frombuffer(b, np.uint8) == 10)) for b in blocks)
