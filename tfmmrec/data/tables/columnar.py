"""Readers of tables that are stored by column: parquet, Arrow IPC (feather) and ORC."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

from tfmmrec.data.tables.arrow_values import readable
from tfmmrec.data.tables.chunks import MAX_CHUNK_ROWS, ArrowChunk, OnReject
from tfmmrec.data.tables.columns import check_columns
from tfmmrec.data.tables.dialect import Dialect

FEATHER = b"ARROW1"
_BATCH_ROWS = 1 << 17


def read_parquet(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[ArrowChunk]:
    """Streams a parquet file; none of its rows can be malformed."""
    del on_reject, dialect
    # The oldest type of times, INT96, would overflow in nanoseconds beyond the year 2262.
    with pyarrow.parquet.ParquetFile(path, coerce_int96_timestamp_unit="ms") as table:
        check_columns(path, columns, table.schema_arrow.names)
        yield from to_chunks(table.iter_batches(_BATCH_ROWS, columns=columns), columns)


def read_feather(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[ArrowChunk]:
    """Streams a file of Arrow's IPC format: feather, version 2, or a stream as Hugging Face has."""
    del on_reject, dialect
    with pa.memory_map(str(path)) as file:
        is_stream = file.read(len(FEATHER)) != FEATHER
        file.seek(0)
        with pa.ipc.open_stream(file) if is_stream else pa.ipc.open_file(file) as table:
            check_columns(path, columns, table.schema.names)
            numbers = range(0 if is_stream else table.num_record_batches)
            batches = table if is_stream else map(table.get_batch, numbers)
            yield from to_chunks(batches, columns)


def read_orc(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[ArrowChunk]:
    """Streams an ORC file by stripe."""
    del on_reject, dialect
    table = pyarrow.orc.ORCFile(path)
    check_columns(path, columns, table.schema.names)
    stripes = (table.read_stripe(number, columns) for number in range(table.nstripes))
    yield from to_chunks(stripes, columns)


def to_chunks(batches: Iterable[Any], columns: list[str]) -> Iterator[ArrowChunk]:
    """Converts record batches of any size to chunks of some columns."""
    number = 1
    for batch in batches:
        for start in range(0, len(batch), MAX_CHUNK_ROWS):
            piece = batch.slice(start, MAX_CHUNK_ROWS)
            arrays = [
                readable(piece.column(piece.schema.get_field_index(name))) for name in columns
            ]
            numbers = np.arange(number, number + len(piece))
            yield ArrowChunk(numbers, pa.RecordBatch.from_arrays(arrays, names=columns))
            number += len(piece)


def count_parquet(path: Path) -> int:
    """Reads the number of rows from the footer; returns 0 if that fails."""
    try:
        return pyarrow.parquet.read_metadata(path).num_rows
    except (pa.ArrowException, OSError):
        return 0
