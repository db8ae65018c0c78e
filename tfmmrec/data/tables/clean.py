"""Prepares delimited text for pyarrow, whose reader of csv is fast but not strict.

pyarrow joins text behind a closing quote to the value, and takes the rows behind an unclosed quote
for one value. NumPy finds where that may be; the exact reader reads those records alone.
"""

import codecs
import dataclasses

import numpy as np

from tfmmrec.data.tables.grammar import MAX_LINES, Grammar, Record, lines_of
from tfmmrec.errors import DataError
from tfmmrec.modalities.text import quote as quoted

# Stands for a rejected record; followed by a delimiter per column, it has one column too many.
_REJECT = b"\0reject\0"
# Quotes for records that are written anew, if the table itself has none.
_RARE = [bytes([code]) for code in (34, *range(1, 9), *range(14, 32))]


@dataclasses.dataclass
class CleanText:
    """Records that pyarrow reads as the grammar does.

    Attributes:
        text: the records; a rejected one is replaced by one of too many columns.
        quote: the quote of `text`, or b"".
        reasons: why records were rejected, in their order.
        num_used: the number of bytes used; the others begin a record that is not complete.
    """

    text: bytes
    quote: bytes
    reasons: list[str]
    num_used: int


class Cleaner:
    """Rejects what the grammar does not allow, and passes on other records as they are.

    Args:
        grammar: the grammar of the text.
        header: the names of the columns.
        header_text: the header as it is written, without its line break.
        max_bytes: the maximum size of a record.
    """

    def __init__(
        self, grammar: Grammar, header: list[bytes], header_text: bytes, *, max_bytes: int
    ):
        self.grammar = grammar
        self.header = header
        self.header_text = header_text
        self.max_bytes = max_bytes
        self.place = _REJECT + grammar.delimiter * len(header)
        is_quoted = grammar.quote and header_text.startswith(grammar.quote)
        self._begin = grammar.quote if is_quoted else b""

    def clean(self, data: bytes, *, is_last: bool) -> CleanText:
        """Cleans a part of the text that begins with a record.

        Args:
            data: the part.
            is_last: whether the text ends with it.

        Raises:
            DataError: a record is larger than `max_bytes`.
        """
        quote = self.grammar.quote or _rare_quote(self.grammar, data)
        marks = _Marks(data, self.grammar, self.header_text)
        pieces: list[bytes] = []
        reasons: list[str] = []
        start = 0
        while (mark := marks.first(start)) is not None:
            begin = marks.line_of(mark, start)
            pieces.append(data[start:begin])
            record = self._read(data, begin, is_last=is_last)
            if record is None:
                return CleanText(b"".join(pieces), quote, reasons, begin)
            found, start = self._judge(data, begin, record)
            reasons += found
            rejected = (self.place + b"\n") * len(found)
            pieces.append(rejected or self.grammar.write(record.values, quote) + b"\n")
        end = len(data) if is_last else max(start, _end_of_lines(data, start))
        if len(data) - end > self.max_bytes:
            raise self._too_large()
        pieces.append(data[start:end])
        return CleanText(b"".join(pieces), quote, reasons, end)

    def _read(self, data: bytes, begin: int, *, is_last: bool) -> Record | None:
        """Reads a record; of one beyond the maximum size, an unclosed quote is presumed."""
        record = self.grammar.read(data, begin, is_last=is_last)
        if record is None and len(data) - begin > self.max_bytes:
            record = self.grammar.read(data, begin, is_last=True)
            end = _end_of_lines(data, begin)
            if record is None or record.is_closed or not end:
                raise self._too_large()
            record.end = end
        return record

    def _too_large(self) -> DataError:
        return DataError(f"a row has more than {self.max_bytes:,} bytes")

    def _judge(self, data: bytes, begin: int, record: Record) -> tuple[list[str], int]:
        """Returns why a record is rejected, and where the next one begins.

        A record with an unclosed quote ends where its further lines look like records. Nothing
        within another rejected record is read.
        """
        columns = len(self.header)
        ends = [match.end() for match in lines_of(data, begin, record.end)]
        is_strict = record.is_closed and not record.behind
        next_start = None
        if len(ends) > 1:
            start = begin if is_strict else ends[0] + 1
            next_start = self.grammar.find_records(data, start, record.end, columns, self._begin)
        if not is_strict and next_start is not None:
            num_lost = sum(end < next_start for end in ends)
            return [f"a quote is not closed; read on {num_lost} lines later"] * num_lost, next_start
        if not is_strict:
            reason = self._fault(record)
        elif len(record.values) != columns:
            reason = wrong_count(len(record.values), columns)
        elif [record.values[0].removeprefix(codecs.BOM_UTF8), *record.values[1:]] == self.header:
            reason = "it repeats the header"
        elif next_start is not None:
            reason = f"a value has lines with the {columns} columns of the header each"
        else:
            return [], record.end
        if len(ends) > 1:
            reason += f" (1 row or {len(ends):,}, as a quote may be unclosed: none is read)"
        # Every lost line counts, unless the record may well be one row.
        is_one = record.is_closed and len(ends) <= MAX_LINES
        return [reason] * (1 if is_one else len(ends)), record.end

    def _fault(self, record: Record) -> str:
        if not record.behind:
            return "a quote is not closed"
        fault = f"text behind a closing quote: {quoted(record.behind, 30)}"
        if not self.grammar.escape and any(value.endswith(b"\\") for value in record.values):
            return fault + '; if backslashes escape quotes, give escape: "\\\\"'
        return fault


def wrong_count(found: int, expected: int) -> str:
    """Returns the reason to reject a record with a wrong number of values."""
    return f"it has {found} value{'s' * (found != 1)}, the header {expected}"


def _rare_quote(grammar: Grammar, data: bytes) -> bytes:
    """Returns a quote for records with escapes in a text without quotes; else b""."""
    if not grammar.escape or grammar.escape not in data:
        return b""
    return next(rare for rare in _RARE if rare not in data and rare != grammar.delimiter)


def _end_of_lines(data: bytes, start: int) -> int:
    """Returns the position after the last line break, or 0."""
    end = data.rfind(b"\n", start) + 1
    return data.rfind(b"\r", max(start, end)) + 1 or end


class _Marks:
    """The positions in a text that the exact reader must see."""

    def __init__(self, data: bytes, grammar: Grammar, header_text: bytes):
        self._codes = np.frombuffer(data, np.uint8)
        others = [*_headers(data, header_text), *_invalid_lines(data)]
        if grammar.escape and grammar.escape in data:
            others += np.flatnonzero(self._codes == grammar.escape[0]).tolist()
        self._others = np.unique(np.array(others, np.int64))
        self._quotes = self._breaks = np.zeros(0, np.int64)
        has_quotes = bool(grammar.quote) and grammar.quote in data
        if has_quotes or others:
            is_break = self._codes == 10
            if b"\r" in data:
                is_break |= self._codes == 13
            self._breaks = np.flatnonzero(is_break)
        self._odd = (self._others, self._others)
        if has_quotes:
            self._quotes = np.flatnonzero(self._codes == grammar.quote[0])
            self._odd = self._find_odd(grammar)

    def first(self, start: int) -> int | None:
        """Returns the first position from the record that begins at `start`, or None."""
        found = [self._others[n] for n in [_index(self._others, start)] if n < len(self._others)]
        if len(self._quotes):
            index = _index(self._quotes, start)
            odd = self._odd[index % 2]
            nth = _index(odd, index)
            found += [self._quotes[n] for n in odd[nth : nth + 1]]
        return int(min(found)) if found else None

    def line_of(self, position: int, start: int) -> int:
        """Returns where the line of a position begins, from `start` on."""
        nth = _index(self._breaks, position)
        return max(start, int(self._breaks[nth - 1]) + 1) if nth else start

    def _find_odd(self, grammar: Grammar) -> tuple[np.ndarray, np.ndarray]:
        """Finds the quotes that break the grammar or have a line break behind them.

        Returns:
            Their indices if every quote with an even index opens a value, and if every odd one
            does.
        """
        quotes, codes = self._quotes, self._codes
        may_adjoin = np.zeros(256, bool)
        may_adjoin[[*b"\r\n", *grammar.delimiter, *grammar.quote]] = True
        before = may_adjoin[codes[quotes - 1]]
        before[0] |= quotes[0] == 0
        behind = may_adjoin[codes[np.minimum(quotes + 1, len(codes) - 1)]]
        odd_open, odd_close = ~before, ~behind
        # The quotes before a line break; there are fewer line breaks than quotes.
        nth = np.searchsorted(quotes, self._breaks)
        odd_open[nth[nth > 0] - 1] = True
        # A last quote that opens a value has no other that closes it.
        odd_open[-1] = True
        return _alternate(odd_open, odd_close), _alternate(odd_close, odd_open)


def _alternate(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Returns the indices that are true in `even` if they are even, and in `odd` if not."""
    mixed = odd.copy()
    mixed[::2] = even[::2]
    return np.flatnonzero(mixed)


def _index(positions: np.ndarray, position: int) -> int:
    return int(positions.searchsorted(position))  # np.searchsorted takes twice as long


def _headers(data: bytes, header_text: bytes) -> list[int]:
    """Finds lines that repeat the header, as exports do that were joined to one file."""
    found, at = [], data.find(header_text)
    while at >= 0:
        before = data[max(0, at - 3) : at].removesuffix(codecs.BOM_UTF8)
        behind = data[at + len(header_text) : at + len(header_text) + 1]
        if before[-1:] in (b"", b"\n", b"\r") and behind in (b"", b"\n", b"\r"):
            found.append(at)
        at = data.find(header_text, at + 1)
    return found


def _invalid_lines(data: bytes) -> list[int]:
    """Finds lines that are not valid UTF-8, which pyarrow cannot report."""
    if data.isascii() or _is_utf8(data):
        return []
    return [line.start() for line in lines_of(data, 0, len(data)) if not _is_utf8(line[0])]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
        return True
    except UnicodeDecodeError:
        return False
