"""Objects of a JSON array, or objects that follow each other, from a file of any size."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tfmmrec.data.tables.chunks import Row
from tfmmrec.errors import BrokenValue, DataError

BLANK = " \t\r\n"

_SEPARATOR = re.compile(r"[ \t\r\n,]*")
_MAX_OBJECT_CHARS = 1 << 27
_MIN_READ_CHARS = 1 << 18


def read_objects(path: Path, blocks: Iterator[str]) -> Iterator[Row | BrokenValue]:
    """Yields the elements of a JSON array, or objects that follow each other.

    Args:
        path: the file, which errors name.
        blocks: the text of the file, cut anywhere.

    Raises:
        DataError: an element is not valid JSON; what follows it cannot be told apart.
    """
    text = _Text(blocks)
    is_array = text.skip(_SEPARATOR) == "["
    text.position += is_array
    number = 0
    while (start := text.skip(_SEPARATOR)) and not (is_array and start == "]"):
        number += 1
        try:
            value = text.decode()
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: row {number} is not valid JSON: {error}") from None
        yield value if isinstance(value, dict) else BrokenValue("the element is not a JSON object")
    text.position += is_array
    if is_array and (not start or text.skip(_SEPARATOR)):
        problem = "there is more text after its end" if start else "its end is missing"
        raise DataError(f"{path}: a JSON array of {number} rows, but {problem}")


class _Text:
    """A text that is read block by block; `position` is where the next value begins."""

    def __init__(self, blocks: Iterator[str]):
        self.blocks = blocks
        self.text = ""
        self.position = 0

    def skip(self, separator: re.Pattern[str]) -> str:
        """Moves behind separators; returns the next character, "" at the end of the file."""
        while True:
            self.position = separator.match(self.text, self.position).end()  # type: ignore[union-attr]
            if self.position < len(self.text):
                return self.text[self.position]
            self.text, self.position = next(self.blocks, ""), 0
            if not self.text:
                return ""

    def decode(self) -> object:
        """Reads the next value, which may go on in further blocks."""
        while True:
            try:
                value, self.position = json.JSONDecoder().raw_decode(self.text, self.position)
                return value
            except ValueError:
                if not self._extend():
                    raise

    def _extend(self) -> bool:
        """Reads as much again as there is of an incomplete value; returns False at the end."""
        parts = [self.text[self.position :]]
        num_chars = size = len(parts[0])
        if size > _MAX_OBJECT_CHARS:
            return False
        while num_chars < max(2 * size, _MIN_READ_CHARS) and (block := next(self.blocks, "")):
            parts.append(block)
            num_chars += len(block)
        self.text, self.position = "".join(parts), 0
        return num_chars > size
