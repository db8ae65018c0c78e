"""Reader of comma- and tab-separated files with a header."""

import codecs
import csv
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tfmmrec.data.tables.chunks import MAX_CHUNK_ROWS, ArrowChunk, OnReject
from tfmmrec.data.tables.columns import check_columns
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.errors import DataError

# Maximum size of a row.
_BLOCK_BYTES = 1 << 26


@dataclasses.dataclass(frozen=True)
class _BadRow:
    """A row whose number of columns differs from the header; `text` may span several lines."""

    number: int
    reason: str
    text: str


def read_csv(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[ArrowChunk]:
    """Streams a csv or tsv file; all values are bytes."""
    del dialect
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    header = _read_header(path, delimiter)
    check_columns(path, columns, header)
    bad: list[_BadRow] = []
    is_utf8 = _is_utf8(path)

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        reason = f"{row.actual_columns} columns where the header has {row.expected_columns}"
        text = row.text if is_utf8 else _text_of_latin1(row.text)
        bad.append(_BadRow(row.number - 1, reason, text))
        return "skip"

    # The last column shows whether an unclosed quote swallowed the rest of the file.
    selected = list(dict.fromkeys([*columns, header[-1]]))
    recovery = _Recovery(path, header, columns, delimiter, on_reject)
    number = 0
    pending: tuple[np.ndarray, pa.RecordBatch] | None = None
    for batch in _batches(path, selected, delimiter, skip, is_utf8):
        if pending:
            yield from recovery.in_between(*pending, bad)
        pending = _number(len(batch), number, bad), batch
        number = int(pending[0][-1])
    if pending:
        yield from recovery.last(*pending, bad)
    yield from recovery.rows_of(bad)


def _read_header(path: Path, delimiter: str) -> list[str]:
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the table is empty")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            return next(csv.reader(lines, delimiter=delimiter), [""])
        except csv.Error as error:
            raise DataError(f"{path}: the header cannot be read: {error}") from None


def _batches(
    path: Path, columns: list[str], delimiter: str, skip: Callable[[Any], str], is_utf8: bool
) -> Iterator[pa.RecordBatch]:
    """Streams the well-formed rows, with values as bytes."""
    # pyarrow decodes the text of a malformed row, and raises at invalid UTF-8. Read as Latin-1,
    # every byte is a character, which is converted back to that byte.
    with (
        pa.OSFile(str(path)) as file,
        pyarrow.csv.open_csv(
            _skip_bom(file),
            # With one thread, pyarrow reports the row numbers of malformed rows.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                encoding="utf8" if is_utf8 else "latin-1",
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=columns,
                column_types={column: pa.binary() for column in columns},
                strings_can_be_null=True,
                null_values=[""],
            ),
        ) as reader,
    ):
        for batch in reader:
            for start in range(0, len(batch), MAX_CHUNK_ROWS):
                piece = batch.slice(start, MAX_CHUNK_ROWS)
                yield piece if is_utf8 else _bytes_of_latin1(piece)


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 22):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _skip_bom(file: pa.NativeFile) -> pa.NativeFile:
    """Moves the position of a file after its byte order mark, if it has one."""
    file.seek(len(codecs.BOM_UTF8) if file.read(3) == codecs.BOM_UTF8 else 0)
    return file


def _bytes_of_latin1(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        pa.array(
            [value and value.decode("utf-8").encode("latin-1") for value in column.to_pylist()],
            pa.binary(),
        )
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _text_of_latin1(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def _number(count: int, last: int, bad: list[_BadRow]) -> np.ndarray:
    """Numbers the next well-formed rows, skipping the numbers of malformed ones."""
    numbers = np.arange(last + 1, last + 1 + count + len(bad))
    taken = np.isin(numbers, [row.number for row in bad])
    return numbers[~taken][:count]


class _Recovery:
    """Rejects malformed rows in order, and recovers the lines that an unclosed quote swallowed."""

    def __init__(
        self, path: Path, header: list[str], columns: list[str], delimiter: str, reject: OnReject
    ):
        self.path = path
        self.header = header
        self.columns = columns
        self.delimiter = delimiter
        self.on_reject = reject

    def in_between(
        self, numbers: np.ndarray, batch: pa.RecordBatch, bad: list[_BadRow]
    ) -> Iterator[ArrowChunk]:
        """Yields a batch, with the rows recovered from malformed rows at their positions."""
        batch = batch.select(self.columns)
        start = 0
        while bad and bad[0].number < numbers[-1]:
            row = bad.pop(0)
            recovered = list(self.rows_of([row]))
            if recovered:
                end = int(np.searchsorted(numbers, row.number))
                if end > start:
                    yield ArrowChunk(numbers[start:end], batch.slice(start, end - start))
                yield from recovered
                start = end
        yield ArrowChunk(numbers[start:], batch.slice(start))

    def last(
        self, numbers: np.ndarray, batch: pa.RecordBatch, bad: list[_BadRow]
    ) -> Iterator[ArrowChunk]:
        """Yields the last batch of the file, whose last row may have an unclosed quote."""
        value = batch[self.header[-1]][-1].as_py() or b""
        if b"\n" in value and not _ends_in_quote(self.path):
            text = value.decode("utf-8", "surrogateescape")
            bad.append(_BadRow(int(numbers[-1]), "it has an unclosed quote", text))
            numbers, batch = numbers[:-1], batch.slice(0, len(batch) - 1)
        if len(batch):
            yield from self.in_between(numbers, batch, bad)

    def rows_of(self, bad: list[_BadRow]) -> Iterator[ArrowChunk]:
        """Rejects malformed rows, and yields the rows recovered from their further lines."""
        for row in bad:
            lines = row.text.splitlines()
            num_more = len(lines) - 1
            reason = f"{row.reason} (it spans {num_more + 1} lines: is a quote unclosed?)"
            self.on_reject(row.number, None, reason if num_more else row.reason)
            recovered = [values for line in lines[1:] if (values := self._parse(line, row.number))]
            if recovered:
                schema = pa.schema([(column, pa.binary()) for column in self.columns])
                batch = pa.RecordBatch.from_pylist(recovered, schema)
                yield ArrowChunk(np.full(len(recovered), row.number), batch)

    def _parse(self, line: str, number: int) -> dict[str, bytes | None] | None:
        try:
            values = next(csv.reader([line], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            values = []
        if len(values) != len(self.header):
            if line.strip():
                self.on_reject(number, None, f"a line after an unclosed quote: {line[:80]!r}")
            return None
        row = dict(zip(self.header, values, strict=True))
        encoded = {name: row[name].encode("utf-8", "surrogateescape") for name in self.columns}
        return {name: value or None for name, value in encoded.items()}


def _ends_in_quote(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-min(64, path.stat().st_size), 2)
        return file.read().rstrip().endswith(b'"')
