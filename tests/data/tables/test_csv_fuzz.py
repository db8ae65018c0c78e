"""Property tests of delimited text: each value comes back as it is, or its row is a reject."""

import csv as python_csv
import io
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tfmmrec.data.tables import csv
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import TfmmrecError

EXAMPLES = int(os.environ.get("TFMMREC_FUZZ_EXAMPLES", "60"))
fuzz = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)

# Delimiters, quotes, escapes, line breaks, and what Unicode or Python call line breaks.
NASTY = ['"', "'", ",", ";", "\t", "|", "\\", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85"]
NASTY += ["\u2028", "\u2029", "\ufeff", "\0", " ", "a", "1", "é", "日", "🎈", '""', '\\"', "id,b"]
block_sizes = st.sampled_from([1, 50, 51, 52, 200, 300, 400])
cells = st.lists(st.sampled_from(NASTY), max_size=6).map("".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read(path: Path, dialect: Dialect, columns: list[str], block_bytes: int) -> tuple[dict, dict]:
    """Returns the rows and the rejects by number."""
    rows, rejects = {}, {}
    source = find_table(path, dialect)
    with mock.patch.object(csv, "_BLOCK_BYTES", block_bytes):
        for number, row in read_table(source, columns, lambda n, _, why: rejects.update({n: why})):
            assert number not in rows and number not in rejects
            rows[number] = row
    assert sorted([*rows, *rejects]) == list(range(1, len(rows) + len(rejects) + 1))
    return rows, rejects


@st.composite
def dialects(draw: Any) -> Dialect:
    quote = draw(st.sampled_from(['"', "'", ""]))
    escape = "\\" if not quote else draw(st.sampled_from(["", "\\"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "gb18030"]))
    return Dialect(draw(st.sampled_from(list(",;\t| ^"))), quote, escape, encoding)


def write(table: list[list[str]], dialect: Dialect, quoting: int, end: str) -> bytes:
    text = io.StringIO(newline="")
    # Up to Python 3.12 the writer does not quote \r unless it ends lines.
    writer = python_csv.writer(
        text,
        lineterminator="\r\n",
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        escapechar=dialect.escape or None,
        doublequote=not dialect.escape,
        quoting=quoting if dialect.quote else python_csv.QUOTE_NONE,
    )
    lines = []
    for row in table:
        writer.writerow(row)
        lines.append(text.getvalue().removesuffix("\r\n") + end)
        text.seek(0)
        text.truncate()
    return "".join(lines).encode(dialect.encoding)


@fuzz
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6),
    dialect=dialects(),
    quoting=st.sampled_from([python_csv.QUOTE_MINIMAL, python_csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    block_bytes=block_sizes,
)
def test_values_written_by_python_come_back_or_are_rejects(
    folder, rows, dialect, quoting, end, block_bytes
):
    path = folder / "table.csv"
    path.write_bytes(write([["id", "b", "c"], *rows], dialect, quoting, end))
    try:
        found, rejects = read(path, dialect, ["id", "b", "c"], block_bytes)
    except TfmmrecError as error:
        assert "none of its" in str(error) or "has no rows" in str(error)
        return
    assert sorted([*found, *rejects]) == list(range(1, len(rows) + 1))
    for number, row in found.items():
        values = [None if value is None else value.decode() for value in row.values()]
        assert values == [value or None for value in rows[number - 1]]


texts = st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r", b"\\", b"\xff", b"\xc3", b"\0", b"x", b"good,1,2"]),
    max_size=12,
).map(b"".join) | st.binary(max_size=20)


@fuzz
@example(noise=b'x,"', escape="", block_bytes=1, quote='"')
@given(
    noise=texts,
    escape=st.sampled_from(["", "\\"]),
    block_bytes=block_sizes,
    quote=st.sampled_from(['"', ""]),
)
def test_rows_behind_noise_are_read(folder, noise, escape, block_bytes, quote):
    good = [f"good{n},{n},text {n}" for n in range(40)]
    path = folder / "noise.csv"
    path.write_bytes(b"id,b,c\n" + noise + b"\n" + "\n".join(good).encode() + b"\n")
    rows, _ = read(path, Dialect(",", quote, escape, "utf-8"), ["id", "b", "c"], block_bytes)
    found = [row for row in rows.values() if row["c"] and row["c"].startswith(b"text ")]
    # An escape at the end of the noise joins the first good row to it.
    first = 1 if escape and noise.endswith((b"\\", b"\\\r")) else 0
    ids = [row["id"] for row in found][first - len(good) :]
    assert ids == [f"good{n}".encode() for n in range(first, 40)]


@fuzz
@given(data=st.binary(max_size=200) | texts, block_bytes=block_sizes)
def test_any_bytes_are_rows_or_a_message(folder, data, block_bytes):
    path = folder / "bytes.csv"
    path.write_bytes(b"id,b\n" * (len(data) % 2) + data)
    try:
        read(path, Dialect(), ["id"], block_bytes)
    except TfmmrecError as error:
        assert str(error).isprintable()


@fuzz
@given(data=texts, first=st.integers(1, 60))
def test_the_size_of_blocks_changes_nothing(folder, data, first):
    path = folder / "blocks.csv"
    path.write_bytes(b"id,b,c\na,b,c\n" + data + b"\nx,y,z\n")
    dialect = Dialect(",", '"', "")
    results = [read(path, dialect, ["id", "c"], size) for size in (first, 1 << 20)]
    assert results[0] == results[1]
