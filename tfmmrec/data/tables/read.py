"""Reads csv, tsv, jsonl and parquet tables; a malformed row does not affect others."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tfmmrec.data.tables.chunks import Chunk, OnReject, Row
from tfmmrec.data.tables.csv import read_csv
from tfmmrec.data.tables.jsonl import read_jsonl
from tfmmrec.data.tables.parquet import count_parquet, read_parquet
from tfmmrec.errors import DataError, one_line

__all__ = ["Chunk", "OnReject", "Row", "count_rows", "read_chunks", "read_table"]

Reader = Callable[[Path, list[str], OnReject], Iterator[Chunk]]

_READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}


def read_chunks(path: Path, columns: Iterable[str], on_reject: OnReject) -> Iterator[Chunk]:
    """Streams some columns of a table in chunks of rows.

    Args:
        path: a file ending in .csv, .tsv, .jsonl, .ndjson or .parquet.
        columns: the columns to read; each must exist.
        on_reject: called with (row, field, reason) for each malformed row, in the order of rows,
            before any later row is yielded.

    Yields:
        Chunks of at most 262,144 rows. An absent or empty value is None. Values of csv and tsv
        are bytes, so that ids such as 007 are unchanged and invalid UTF-8 affects one field only.

    Raises:
        DataError: the file type is unknown, the table has no rows, or a column is missing.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: unknown type of table; use csv, tsv, jsonl or parquet")
    rows = 0
    try:
        for chunk in reader(path, list(columns), on_reject):
            rows += len(chunk)
            yield chunk
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read: {one_line(error)}") from None
    if not rows:
        raise DataError(f"{path}: the table has no rows")


def read_table(
    path: Path, columns: Iterable[str], on_reject: OnReject
) -> Iterator[tuple[int, Row]]:
    """Streams a table by row: its number from 1, and its values by column.

    Arguments and errors are those of `read_chunks`.
    """
    for chunk in read_chunks(path, columns, on_reject):
        yield from zip(chunk.numbers.tolist(), chunk.rows(), strict=True)


def count_rows(path: Path) -> int:
    """Counts the rows of a table for a progress bar; for text formats, the number of lines."""
    if path.suffix.lower() == ".parquet":
        return count_parquet(path)
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(1 << 24), b"")
        return sum(int(np.count_nonzero(np.frombuffer(b, np.uint8) == 10)) for b in blocks)
