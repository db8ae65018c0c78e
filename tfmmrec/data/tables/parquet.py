"""Reader of parquet files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet

from tfmmrec.data.tables.chunks import MAX_CHUNK_ROWS, ArrowChunk, OnReject
from tfmmrec.data.tables.columns import check_columns
from tfmmrec.data.tables.dialect import Dialect

_BATCH_ROWS = 1 << 17


def read_parquet(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[ArrowChunk]:
    """Streams a parquet file; none of its rows can be malformed."""
    del on_reject, dialect
    with pyarrow.parquet.ParquetFile(path) as table:
        check_columns(path, columns, table.schema_arrow.names)
        number = 1
        for batch in table.iter_batches(min(_BATCH_ROWS, MAX_CHUNK_ROWS), columns=columns):
            yield ArrowChunk(np.arange(number, number + len(batch)), batch)
            number += len(batch)


def count_parquet(path: Path) -> int:
    """Reads the number of rows from the footer; returns 0 if that fails."""
    try:
        return pyarrow.parquet.read_metadata(path).num_rows
    except (pyarrow.ArrowException, OSError):
        return 0
