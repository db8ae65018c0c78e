"""Reader of JSON: one object per line, an array of objects, or objects of several lines."""

import ast
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from tfmmrec.data.tables.chunks import OnReject, Row, RowChunk, none_if_empty
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.json_stream import BLANK, read_objects
from tfmmrec.data.tables.open_file import open_bytes
from tfmmrec.errors import BrokenValue, DataError

_CHUNK_ROWS = 8192
_BLOCK_CHARS = 1 << 18


def read_jsonl(
    path: Path, columns: list[str], on_reject: OnReject, dialect: Dialect
) -> Iterator[RowChunk]:
    """Streams a file of JSON; empty lines are skipped.

    Lines that are Python literals, such as {'id': 1, 'free': True}, are read like JSON.
    """
    keys: set[str] = set()
    has_all_columns = False
    numbers: list[int] = []
    rows: list[Row] = []
    try:
        for number, row in enumerate(_objects(path, dialect), start=1):
            if isinstance(row, BrokenValue):
                on_reject(number, None, str(row))
                continue
            if not has_all_columns:
                keys.update(row)
                has_all_columns = keys.issuperset(columns)
            numbers.append(number)
            rows.append({name: none_if_empty(row.get(name)) for name in columns})
            if len(rows) == _CHUNK_ROWS:
                yield RowChunk(np.array(numbers), rows, keys)
                numbers, rows = [], []
    except UnicodeError as error:
        raise DataError(f"{path}: {error}; save the file as UTF-8") from None
    if rows:
        yield RowChunk(np.array(numbers), rows, keys)


def _objects(path: Path, dialect: Dialect) -> Iterator[Row | BrokenValue]:
    with _open_text(path, dialect) as text:
        head = text.read(_BLOCK_CHARS)
        if _is_stream(head):
            blocks = iter(lambda: text.read(_BLOCK_CHARS), "")
            yield from read_objects(path, itertools.chain([head], blocks))
        else:
            head += text.readline()
            for line in itertools.chain(io.StringIO(head, newline="\n"), text):
                if line.strip(BLANK):
                    yield _parse(line)


def _open_text(path: Path, dialect: Dialect) -> TextIO:
    file = open_bytes(path)
    encoding = dialect.encoding or json.detect_encoding(file.peek(4)[:4])  # type: ignore[attr-defined]
    # Invalid UTF-8 becomes lone surrogates, so that only its own field is rejected. Lines do not
    # end at other characters than "\n", such as U+2028, which JSON allows in a text.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "surrogatepass"
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="\n")


def _is_stream(head: str) -> bool:
    """Whether a text begins an array of objects, or an object of several lines."""
    first, following = [*filter(None, (line.strip(BLANK) for line in head.split("\n"))), "", ""][:2]
    if first.startswith("["):
        return (first[1:].lstrip(BLANK) or following).startswith(("{", "]"))
    # In JSON lines, the second line begins with a brace, even if the first line is malformed.
    is_open = first.startswith("{") and following.startswith(('"', "}"))
    return is_open and isinstance(_parse(first), BrokenValue)


def _parse(line: str) -> Row | BrokenValue:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        if not line.lstrip(BLANK).startswith("{'"):
            return BrokenValue(f"not valid JSON: {error}")
        try:
            # The way through JSON refuses what it has no word for, and makes lists of tuples.
            row = json.loads(json.dumps(ast.literal_eval(line.strip(BLANK))))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as reason:
            return BrokenValue(f"neither JSON nor a Python literal: {reason}")
    return row if isinstance(row, dict) else BrokenValue("the line is not a JSON object")
