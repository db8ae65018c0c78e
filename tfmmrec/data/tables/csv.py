"""Reader of delimited text with a header: csv, tsv and txt files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tfmmrec.data.tables.chunks import MAX_CHUNK_ROWS, ArrowChunk, OnReject
from tfmmrec.data.tables.clean import Cleaner, CleanText, wrong_count
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.encoding import read_utf8
from tfmmrec.data.tables.grammar import Grammar
from tfmmrec.data.tables.guess import SAMPLE_BYTES, guess_dialect, read_header
from tfmmrec.data.tables.open_file import open_bytes
from tfmmrec.errors import DataError

_BLOCK_BYTES = 1 << 23
_MAX_ROW_BYTES = 1 << 26


def read_csv(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[ArrowChunk]:
    """Streams a file of delimited text; all values are bytes, in UTF-8 where they are valid."""
    sample, is_whole = _sample(path, dialect)
    dialect = guess_dialect(sample, path, columns, dialect, is_whole=is_whole)
    grammar = Grammar(dialect.delimiter or "", dialect.quote or "", dialect.escape or "")
    header = read_header(grammar, sample)
    if header is None or (header.end == len(sample) and not is_whole):
        raise DataError(f"{path}: the header has more than {SAMPLE_BYTES:,} bytes")
    text = sample[: header.end].strip(b"\r\n")
    cleaner = Cleaner(grammar, header.values, text, max_bytes=_MAX_ROW_BYTES)
    reader = _Reader(cleaner, columns, on_reject)
    with open_bytes(path) as file:
        blocks = read_utf8(file, path, dialect.encoding, _BLOCK_BYTES)
        try:
            for clean in _parts(cleaner, _skip(blocks, header.end)):
                yield from reader.read(clean)
        except DataError as error:
            raise DataError(f"{path} row {reader.num_rows + 1}: {error}") from None


def _sample(path: Path, dialect: Dialect) -> tuple[bytes, bool]:
    """Reads the beginning of a file, and whether it is the whole file."""
    sample = b""
    with open_bytes(path) as file:
        for block in read_utf8(file, path, dialect.encoding, SAMPLE_BYTES):
            sample += block
            if len(sample) >= SAMPLE_BYTES:
                return sample, False
    if not sample.strip(b"\r\n"):
        raise DataError(f"{path}: the table is empty")
    return sample, True


def _skip(blocks: Iterator[bytes], num_bytes: int) -> Iterator[bytes]:
    """Skips the beginning of the text."""
    for block in blocks:
        yield block[num_bytes:]
        num_bytes = max(0, num_bytes - len(block))


def _parts(cleaner: Cleaner, blocks: Iterator[bytes]) -> Iterator[CleanText]:
    """Cuts the text between records, wherever its blocks are cut."""
    data = b""
    for block in blocks:
        data += block
        clean = cleaner.clean(data, is_last=False)
        yield clean
        data = data[clean.num_used :]
    yield cleaner.clean(data, is_last=True)


class _Reader:
    """Converts clean text to chunks, and reports rejected records with their row numbers.

    Attributes:
        num_rows: the number of rows read, with rejected ones.
    """

    def __init__(self, cleaner: Cleaner, columns: list[str], on_reject: OnReject):
        self.cleaner = cleaner
        self.columns = columns
        self.on_reject = on_reject
        self.num_rows = 0
        header = [name.decode("utf-8", "replace") for name in cleaner.header]
        # By position: other columns may occur twice.
        self._names = [str(position) for position in range(len(header))]
        self._selected = [str(header.index(column)) for column in columns]

    def read(self, clean: CleanText) -> Iterator[ArrowChunk]:
        """Yields the rows of a part of the text, each after the rejects that precede it."""
        rejects: list[tuple[int, str]] = []
        table = self._to_arrow(clean, rejects)
        numbers = self._number(len(table), rejects)
        for batch in table.to_batches(MAX_CHUNK_ROWS):
            chunk, numbers = numbers[: len(batch)], numbers[len(batch) :]
            while rejects and rejects[0][0] < chunk[-1]:
                self.on_reject(rejects[0][0], None, rejects.pop(0)[1])
            yield ArrowChunk(chunk, batch)
        for number, reason in rejects:
            self.on_reject(number, None, reason)

    def _to_arrow(self, clean: CleanText, rejects: list[tuple[int, str]]) -> pa.Table:
        """Reads the selected columns as bytes; adds the number and reason of malformed rows."""
        reasons = iter(clean.reasons)
        delimiter = self.cleaner.grammar.delimiter.decode()

        def skip(row: pyarrow.csv.InvalidRow) -> str:
            if row.text == self.cleaner.place.decode():
                reason = next(reasons)
            else:
                reason = wrong_count(row.actual_columns, row.expected_columns)
                if row.text.endswith(delimiter):
                    reason += "; it ends in a delimiter"
            rejects.append((self.num_rows + row.number, reason))
            return "skip"

        if not clean.text.strip(b"\r\n"):
            return pa.table({column: pa.array([], pa.binary()) for column in self.columns})
        # pyarrow drops a byte order mark at the start, which here is part of a value.
        text = b"\n" + clean.text
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text),
            # With one thread, pyarrow reports the row numbers of malformed rows.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(text) + 1, column_names=self._names
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                quote_char=clean.quote.decode() or False,
                newlines_in_values=bool(clean.quote),
                invalid_row_handler=skip,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=self._selected,
                column_types={name: pa.binary() for name in self._selected},
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        return table.rename_columns(self.columns)

    def _number(self, count: int, rejects: list[tuple[int, str]]) -> np.ndarray:
        """Numbers the next rows, without the numbers of malformed ones."""
        numbers = np.arange(self.num_rows + 1, self.num_rows + 1 + count + len(rejects))
        self.num_rows += len(numbers)
        return numbers[~np.isin(numbers, [number for number, _ in rejects])]
