"""Reader of JSON lines: one object per line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.tables.chunks import OnReject, Row, RowChunk, none_if_empty
from tfmmrec.data.tables.columns import check_columns
from tfmmrec.data.tables.dialect import Dialect

_CHUNK_ROWS = 8192


def read_jsonl(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[RowChunk]:
    """Streams a file of JSON lines; empty lines are skipped."""
    del dialect
    keys: set[str] = set()
    numbers: list[int] = []
    rows: list[Row] = []
    for number, line in enumerate(_lines(path), start=1):
        row = _parse(line, number, on_reject)
        if row is None:
            continue
        keys.update(row)
        numbers.append(number)
        rows.append({name: none_if_empty(row.get(name)) for name in columns})
        if len(rows) == _CHUNK_ROWS:
            yield RowChunk(np.array(numbers), rows)
            numbers, rows = [], []
    # A line may lack a key, but a key that every line lacks is an error in the dataset file.
    if keys:
        check_columns(path, columns, sorted(keys))
    if rows:
        yield RowChunk(np.array(numbers), rows)


def _lines(path: Path) -> Iterator[str]:
    # Invalid UTF-8 becomes lone surrogates, so that only its own field is rejected.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for line in lines:
            if line.strip():
                yield line


def _parse(line: str, number: int, on_reject: OnReject) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        on_reject(number, None, f"not valid JSON: {error}")
        return None
    if not isinstance(row, dict):
        on_reject(number, None, "the line is not a JSON object")
        return None
    return row
