"""Finds out the dialect of delimited text by looking at its beginning."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tfmmrec.data.tables.columns import check_columns
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.grammar import Grammar, Record, lines_of
from tfmmrec.errors import DataError

SAMPLE_BYTES = 1 << 18
_MAX_RECORDS = 1000
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_UNQUOTED = (".tsv", ".tab")
_OTHERS = ",\t;| "


def guess_dialect(
    sample: bytes, path: Path, columns: Sequence[str], given: Dialect, *, is_whole: bool
) -> Dialect:
    """Completes a dialect: delimiter, quote and escape.

    By default a csv file is parted by commas and quotes with `"`; a tsv file is parted by tabs and
    does not quote. Another reading is taken only if it alone has the columns, or if it alone reads
    all records of the sample.

    Args:
        sample: the beginning of the text in UTF-8.
        path: its file, for messages; its suffix gives the default.
        columns: the columns that are read.
        given: the dialect as far as it is given.
        is_whole: whether the sample is the whole text.

    Raises:
        DataError: no reading has the columns; the message names the probable cause. If one has
            most of them, it names a column that this one lacks.
    """
    suffix = next((s for s in reversed(path.suffixes) if s.lower() in _DELIMITERS), "").lower()
    usual = given.delimiter or _DELIMITERS.get(suffix)
    delimiters = [usual] if usual else []
    if not given.delimiter:
        delimiters += [mark for mark in _OTHERS if mark != usual]
    quotes = [given.quote] if given.quote is not None else _quotes(suffix)
    readings = [
        _Reading(sample, delimiter, quote, given.escape or "", is_whole)
        for delimiter in delimiters
        for quote in quotes
        if delimiter != quote
    ]
    fitting = [reading for reading in readings if reading.has(columns)]
    usual_ones = [reading for reading in fitting if reading.delimiter == usual]
    certain = usual_ones or [reading for reading in fitting if reading.is_regular]
    if not certain:
        named = None if fitting or given.delimiter else _most_named(readings, columns)
        _refuse(path, columns, named, readings[0], usual, fitting)
    best = _best_quote(certain, suffix) if given.quote is None else certain[0]
    if given.escape is None and best.quote:
        best = best.with_escape()
    return dataclasses.replace(
        given, delimiter=best.delimiter, quote=best.quote, escape=best.escape
    )


def _quotes(suffix: str) -> list[str]:
    return ["", '"'] if suffix in _UNQUOTED else ['"', "'", ""]


def _best_quote(fitting: list["_Reading"], suffix: str) -> "_Reading":
    """Chooses among readings that have the columns, the usual quote first."""
    first = fitting[0]
    by_quote = {r.quote: r for r in fitting if r.delimiter == first.delimiter}
    single, none = by_quote.get("'"), by_quote.get("")
    if suffix in _UNQUOTED:
        return first
    if single and not first.has_quotes and single.is_quoted:
        return single
    # Text parted by tabs quotes as csv does, or not at all.
    if none and first.delimiter == "\t" and not first.is_clean:
        return none
    return first


class _Reading:
    """The sample as it reads with some dialect."""

    def __init__(self, sample: bytes, delimiter: str, quote: str, escape: str, is_whole: bool):
        self.sample = sample
        self.delimiter, self.quote, self.escape = delimiter, quote, escape
        self.is_whole = is_whole
        self.grammar = Grammar(delimiter, quote, escape)

    @cached_property
    def header(self) -> list[str]:
        found = read_header(self.grammar, self.sample)
        return [name.decode("utf-8", "replace") for name in found.values] if found else []

    @cached_property
    def records(self) -> list[Record]:
        """The first records behind the header, without empty ones."""
        found = read_header(self.grammar, self.sample)
        records: list[Record] = []
        while found and found.end < len(self.sample) and len(records) < _MAX_RECORDS:
            found = self.grammar.read(self.sample, found.end, is_last=self.is_whole)
            if found and found.values != [b""]:
                records.append(found)
        return records

    def has(self, columns: Sequence[str]) -> bool:
        return self.num_found(columns) == len(columns)

    def num_found(self, columns: Sequence[str]) -> int:
        """Counts the columns that the header has once."""
        return sum(self.header.count(column) == 1 for column in columns)

    @property
    def is_regular(self) -> bool:
        """Whether nine in ten records have the columns of the header."""
        good = sum(len(record.values) == len(self.header) for record in self.records)
        return good * 10 >= len(self.records) * 9

    @property
    def is_clean(self) -> bool:
        """Whether all records are as the grammar wants them."""
        columns = len(self.header)
        return all(
            record.is_closed and not record.behind and len(record.values) == columns
            for record in self.records
        )

    @property
    def has_quotes(self) -> bool:
        return self.quote.encode() in self.sample

    @property
    def is_quoted(self) -> bool:
        """Whether some column of all records, two or more, stands in quotes."""
        mark = self.quote.encode()
        if not self.has_quotes or not self.is_clean or len(self.records) < 2:
            return False
        raw = _Reading(self.sample, self.delimiter, "", "", self.is_whole)
        columns = zip(*(record.values for record in raw.records), strict=False)
        return any(
            all(len(value) > 1 and value.startswith(mark) for value in column) for column in columns
        )

    def with_escape(self) -> "_Reading":
        r"""Returns the reading with a backslash as escape if it alone reads all records."""
        if f"\\{self.quote}".encode() not in self.sample or self.is_clean:
            return self
        escaped = _Reading(self.sample, self.delimiter, self.quote, "\\", self.is_whole)
        return escaped if escaped.is_clean and escaped.header == self.header else self


def read_header(grammar: Grammar, text: bytes) -> Record | None:
    """Reads the first line that is not empty; None if there is none."""
    line = next(lines_of(text, 0, len(text)), None)
    return grammar.read(text, line.start(), is_last=True) if line else None


def _most_named(readings: list[_Reading], columns: Sequence[str]) -> _Reading | None:
    """Returns the reading with the most columns if it has half of them: others are misspelled."""
    regular = [reading for reading in readings if reading.is_regular]
    best = max(regular, key=lambda reading: reading.num_found(columns), default=None)
    return best if best and 2 * best.num_found(columns) >= len(columns) else None


def _refuse(
    path: Path,
    columns: Sequence[str],
    named: _Reading | None,
    first: _Reading,
    usual: str | None,
    fitting: list[_Reading],
) -> None:
    """Raises DataError with the probable cause why no reading has the columns."""
    reading = named or first
    hint = "" if named else _delimiter_hint(first, usual, fitting)
    if not hint and any("\ufffd" in name for name in reading.header):
        hint = "its header is not UTF-8; give its encoding, such as encoding: cp1252"
    elif not hint and all(name.replace(".", "").isdigit() for name in reading.header):
        hint = "its first line must have the names of the columns"
    check_columns(path, list(columns), reading.header, hint)
    raise DataError(f"{path}: its delimiter is not certain; {hint}")


def _delimiter_hint(reading: _Reading, usual: str | None, fitting: list[_Reading]) -> str:
    """Proposes a delimiter that parts the header into more columns; "" without one."""
    counts = {
        mark: len(_Reading(reading.sample, mark, '"', "", reading.is_whole).header)
        for mark in _OTHERS
    }
    likely = fitting[0].delimiter if fitting else max(_OTHERS, key=lambda mark: counts[mark])
    if likely == usual or not (fitting or counts[likely] > len(reading.header) or not usual):
        return ""
    shown = likely.replace("\t", "\\t")
    return f"its columns look parted by '{shown}'; give delimiter: \"{shown}\""
