"""Parquet files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet

from tfmmrec.data.tables.chunks import MAX_CHUNK_ROWS, ArrowChunk, OnReject
from tfmmrec.data.tables.columns import refuse_missing

_ROWS_A_BATCH = 1 << 17


def read_parquet(path: Path, columns: list[str], on_reject: OnReject) -> Iterator[ArrowChunk]:
    """Streams a parquet file, whose rows are all of one shape."""
    del on_reject
    with pyarrow.parquet.ParquetFile(path) as table:
        refuse_missing(path, columns, table.schema_arrow.names)
        number = 1
        for batch in table.iter_batches(min(_ROWS_A_BATCH, MAX_CHUNK_ROWS), columns=columns):
            yield ArrowChunk(np.arange(number, number + len(batch)), batch)
            number += len(batch)


def count_parquet(path: Path) -> int:
    """Counts the rows by the file's footer; 0 when it cannot be read."""
    try:
        return pyarrow.parquet.read_metadata(path).num_rows
    except (pyarrow.ArrowException, OSError):
        return 0
