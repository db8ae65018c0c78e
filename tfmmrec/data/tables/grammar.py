r"""The grammar of delimited text, after RFC 4180: reads one record at a time, exactly.

A value that begins with a quote ends at the next quote that is not doubled, and nothing but a
delimiter or the end of the record may follow. In other values a quote is an ordinary character.
Records end in \n, \r\n or \r; other characters that Unicode calls line separators are text.
"""

import dataclasses
import re
from collections.abc import Iterator

# The number of lines that decide whether the lines within a record are records themselves.
MAX_LINES = 100
_LINE = re.compile(rb"[^\r\n]++")
_NOTHING = rb"(?!)"


@dataclasses.dataclass
class Record:
    """A record of the text.

    Attributes:
        end: the position after its line break.
        values: its values, without quotes and escapes.
        is_closed: whether each value that begins with a quote ends in one.
        behind: the first text between a closing quote and the next delimiter, or b"".
    """

    end: int
    values: list[bytes]
    is_closed: bool = True
    behind: bytes = b""


class Grammar:
    """Reads records of text in UTF-8.

    Args:
        delimiter: one ASCII character.
        quote: one ASCII character, or "" if values are not quoted.
        escape: one ASCII character, or "". It stands before a quote, a delimiter, a line break or
            another escape; before other characters it is text.
    """

    def __init__(self, delimiter: str, quote: str, escape: str):
        self.delimiter = delimiter.encode()
        self.quote = quote.encode()
        self.escape = escape.encode()
        d, q, e = (re.escape(mark) for mark in (self.delimiter, self.quote, self.escape))
        pair = e + rb"(?:[\s\S]|\Z)" if e else _NOTHING
        self._plain = re.compile(rb"(?:[^\r\n" + d + e + rb"]++|" + pair + rb")*+")
        content = rb"(?:[^" + q + e + rb"]++|" + q + q + rb"|" + pair + rb")*+"
        self._quoted = re.compile(q + rb"(" + content + rb")" + q if q else _NOTHING)
        escaped = e + rb"(?=[\r\n" + d + q + e + rb"])[\s\S]" if e else _NOTHING
        doubled = q + q if q else _NOTHING
        self._in_plain = re.compile(escaped)
        self._in_quotes = re.compile(escaped + rb"|" + doubled)

    def read(self, data: bytes, start: int, *, is_last: bool) -> Record | None:
        """Reads the record that begins at `start`.

        Args:
            data: a part of the text.
            start: a position in it.
            is_last: whether the text ends with `data`.

        Returns:
            The record, or None if `data` ends within it.
        """
        values: list[bytes] = []
        behind, at = b"", start
        while True:
            quoted = self._quoted.match(data, at)
            if quoted:
                values.append(_drop_marks(self._in_quotes, quoted[1]))
                at = quoted.end()
            elif self.quote and data.startswith(self.quote, at):
                return Record(len(data), values, is_closed=False) if is_last else None
            text = self._plain.match(data, at)[0]  # type: ignore[index]
            at += len(text)
            if quoted:
                behind = behind or text
            else:
                values.append(_drop_marks(self._in_plain, text))
            if at == len(data):
                return Record(at, values, behind=behind) if is_last else None
            if not data.startswith(self.delimiter, at):
                at += 2 if data.startswith(b"\r\n", at) else 1
                return Record(at, values, behind=behind)
            at += 1

    def find_records(
        self, data: bytes, start: int, end: int, num_columns: int, begin: bytes = b""
    ) -> int | None:
        """Finds the first line in a part of the text from which lines look like records.

        A line looks like one if it has the number of columns, when a quote that is not closed in
        its line counts as an ordinary character. Nine in ten lines must: of all lines up to
        `MAX_LINES`, or else of ten in a row.

        Args:
            data: the text.
            start: where the part begins.
            end: where it ends.
            num_columns: the number of columns of the table.
            begin: what every record begins with: a quote, if all values of the table are quoted.

        Returns:
            The position of that line, or None.
        """
        looks: list[bool] = []
        starts: list[int] = []
        for line in lines_of(data, start, end):
            if len(looks) == MAX_LINES and 10 * sum(looks) >= 9 * MAX_LINES:
                return start
            text = line[0]
            looks.append(text.startswith(begin) and self._count_columns(text) == num_columns)
            starts.append(line.start())
        if looks and 10 * sum(looks) >= 9 * len(looks):
            return start
        for n in range(len(looks) - 9):
            if looks[n] and sum(looks[n : n + 10]) >= 9:
                return starts[n]
        return None

    def _count_columns(self, line: bytes) -> int:
        at, count = 0, 1
        while True:
            quoted = self._quoted.match(line, at)
            if quoted and line[quoted.end() : quoted.end() + 1] in (b"", self.delimiter):
                at = quoted.end()
            else:
                at = self._plain.match(line, at).end()  # type: ignore[union-attr]
            if at == len(line):
                return count
            at, count = at + 1, count + 1

    def write(self, values: list[bytes], quote: bytes) -> bytes:
        """Writes a record without escapes; each value stands in quotes."""
        return self.delimiter.join(quote + v.replace(quote, quote * 2) + quote for v in values)


def _drop_marks(pairs: re.Pattern[bytes], text: bytes) -> bytes:
    """Drops the first of each pair: the escape, or the first of two quotes."""
    return pairs.sub(lambda pair: pair[0][1:], text)


def lines_of(data: bytes, start: int, end: int) -> Iterator[re.Match[bytes]]:
    """Yields the lines that are not empty, without their ends."""
    return _LINE.finditer(data, start, end)
