"""Rows out of csv, tsv, jsonl and parquet files, a bad row never losing a good one."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tfmmrec.errors import DataError

Row = dict[str, Any]
OnReject = Callable[[int, str | None, str], None]


def read_table(
    path: Path, columns: Iterable[str], on_reject: OnReject
) -> Iterator[tuple[int, Row]]:
    """Streams the rows of a table.

    Args:
        path: a file ending in .csv, .tsv, .jsonl, .ndjson or .parquet.
        columns: the columns wanted; each must exist.
        on_reject: called with (row, field, reason) for each row that cannot be read at all.

    Yields:
        (row number from 1, values by column); an absent or empty value is None. Values of csv
        and tsv are bytes, so that ids such as 007 stay as they are and bad UTF-8 meets one field.

    Raises:
        DataError: the file's kind is unknown, it has no rows, or a column is missing.
    """
    columns = list(columns)
    readers = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".jsonl": _read_jsonl,
        ".ndjson": _read_jsonl,
        ".parquet": _read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: unknown kind of table; use csv, tsv, jsonl or parquet")
    rows = 0
    try:
        for number, row in reader(path, columns, on_reject):
            rows += 1
            yield number, row
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not rows:
        raise DataError(f"{path}: the table has no rows")


def _read_csv(path: Path, columns: list[str], on_reject: OnReject) -> Iterator[tuple[int, Row]]:
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the table is empty")
    # One thread, so that the row numbers that pyarrow gives to bad rows are known.
    bad_rows: list[int] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        reason = f"{row.actual_columns} columns where the header has {row.expected_columns}"
        bad_rows.append(row.number)
        on_reject(row.number - 1, None, reason)
        return "skip"

    with pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter="\t" if path.suffix.lower() == ".tsv" else ",",
            newlines_in_values=True,
            invalid_row_handler=skip,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={column: pa.binary() for column in columns},
            strings_can_be_null=True,
            null_values=[""],
        ),
    ) as reader:
        _refuse_missing(path, columns, reader.schema.names)
        number = 0
        for batch in reader:
            for row in batch.select(columns).to_pylist():
                number += 1
                while bad_rows and number >= bad_rows[0] - 1:
                    bad_rows.pop(0)
                    number += 1
                yield number, row


def _read_jsonl(path: Path, columns: list[str], on_reject: OnReject) -> Iterator[tuple[int, Row]]:
    found: set[str] = set()
    number = 0
    with path.open("rb") as lines:
        for line in lines:
            if not line.strip():
                continue
            number += 1
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                on_reject(number, None, f"not valid JSON: {error}")
                continue
            if not isinstance(row, dict):
                on_reject(number, None, "the line is not a JSON object")
                continue
            found.update(row)
            yield number, {name: _or_none(row.get(name)) for name in columns}
    # A key may be left out of any line; one that no line has is a mistake in the dataset file.
    if found:
        _refuse_missing(path, columns, sorted(found))


def _read_parquet(path: Path, columns: list[str], on_reject: OnReject) -> Iterator[tuple[int, Row]]:
    with pyarrow.parquet.ParquetFile(path) as table:
        _refuse_missing(path, columns, table.schema_arrow.names)
        number = 0
        for batch in table.iter_batches(columns=columns):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: _or_none(value) for name, value in row.items()}


def _or_none(value: Any) -> Any:
    return None if value == "" else value


def _refuse_missing(path: Path, columns: list[str], found: list[str]) -> None:
    for column in columns:
        if column not in found:
            raise DataError(f"{path}: no column {column!r}; there are {', '.join(found)}")
