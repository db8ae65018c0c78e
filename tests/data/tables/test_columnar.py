"""Parquet, feather and ORC: the values of all types, and those that Python cannot represent."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest

from tfmmrec.data.tables.read import read_chunks, read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import BrokenValue

UTC = datetime.UTC


def write(folder: Path, table: pa.Table, name: str = "items.parquet") -> Path:
    path = folder / name
    if name.endswith(".orc"):
        pa.orc.write_table(table, path)
    elif name.endswith(".feather"):
        pa.feather.write_feather(table, str(path), chunksize=2)
    elif name.endswith(".arrow"):
        new = pa.ipc.new_stream if name.startswith("stream") else pa.ipc.new_file
        with new(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    else:
        pa.parquet.write_table(table, path)
    return path


def values(path: Path, column: str) -> list[Any]:
    """Reads a column by row; checks that reading by column gives the same."""
    source = find_table(path)
    by_row = [row[column] for _, row in read_table(source, [column], pytest.fail)]
    by_column: list[Any] = []
    for chunk in read_chunks(source, [column], pytest.fail):
        codes, distinct = chunk.coded(column)
        found = distinct.to_pylist() if isinstance(distinct, pa.Array) else distinct
        by_column += [None if code < 0 else found[code] for code in codes]
    assert list(map(repr, by_column)) == list(map(repr, by_row))
    return by_row


@pytest.mark.parametrize(
    "name", ["items.parquet", "items.feather", "items.arrow", "stream.arrow", "items.orc", "items"]
)
def test_types_of_files_are_read(tmp_path, name):
    table = pa.table({"title": ["a", "", None], "n": [1, 2, 3], "id": ["x", "y", "z"]})
    rows = list(read_table(find_table(write(tmp_path, table, name)), ["id", "title"], pytest.fail))
    assert rows == [
        (1, {"id": "x", "title": "a"}),
        (2, {"id": "y", "title": None}),
        (3, {"id": "z", "title": None}),
    ]


def ns(*numbers: int | None, zone: str | None = None) -> pa.Array:
    return pa.array(numbers, pa.timestamp("ns", zone))


def invalid_text() -> pa.Array:
    """The texts "a" and a byte that is not UTF-8."""
    offsets = pa.py_buffer(np.array([0, 1, 2], np.int32))
    return pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a\xff")])


def at(*when: int, zone: datetime.tzinfo | None = None) -> datetime.datetime:
    return datetime.datetime(*when, tzinfo=zone)


TYPES: dict[str, tuple[pa.Array, list[Any]]] = {
    # 1577836819 s is 2020-01-01 00:00:19; 0.5 ms is rounded up, and -0.6 ms down to -1 ms.
    "nanoseconds": (
        ns(1577836819_000_000_007, None, 500_000, -600_000, -400_000),
        [
            at(2020, 1, 1, 0, 0, 19),
            None,
            at(1970, 1, 1, 0, 0, 0, 1000),
            at(1969, 12, 31, 23, 59, 59, 999_000),
            at(1970, 1, 1),
        ],
    ),
    "nanoseconds at the bounds": (
        ns(2**63 - 1, -(2**63) + 1),
        [at(2262, 4, 11, 23, 47, 16, 855_000), at(1677, 9, 21, 0, 12, 43, 145_000)],
    ),
    "times with a zone": (ns(7, zone="Europe/Berlin"), [at(1970, 1, 1, zone=UTC)]),
    "seconds": (pa.array([1], pa.timestamp("s")), [at(1970, 1, 1, 0, 0, 1)]),
    "decimals": (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), [Decimal("1.50")]),
    "dates": (pa.array([1], pa.date32()), [datetime.date(1970, 1, 2)]),
    "durations in nanoseconds": (
        pa.array([1_500_007], pa.duration("ns")),
        [datetime.timedelta(milliseconds=1, microseconds=500)],
    ),
    "times of day": (pa.array([5], pa.time32("s")), [datetime.time(0, 0, 5)]),
    "times of day in nanoseconds": (pa.array([5007], pa.time64("ns")), [datetime.time(0, 0, 0, 5)]),
    "dictionaries": (pa.array(["a", "", None, "a"]).dictionary_encode(), ["a", None, None, "a"]),
    "large texts": (pa.array(["a", ""], pa.large_string()), ["a", None]),
    "large bytes": (pa.array([b"a", b""], pa.large_binary()), [b"a", None]),
    "bytes": (pa.array([b"a", b""], pa.binary()), [b"a", None]),
    "views of texts": (pa.array(["a", ""], pa.string_view()), ["a", None]),
    "nulls": (pa.nulls(2), [None, None]),
    "halves": (pa.array([np.float16(1.5)], pa.float16()), [1.5]),
    "large integers": (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
    "booleans": (pa.array([True, None]), [True, None]),
    "lists": (pa.array([[1, 2], [], None]), [[1, 2], [], None]),
    "fixed lists": (pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)), [[1.0, 2.0]]),
    "structs": (pa.array([{"a": 1}]), [{"a": 1}]),
    "maps": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())), [[("a", 1)]]),
}


@pytest.mark.parametrize("kind", TYPES)
def test_values_of_a_type(tmp_path, kind):
    array, expected = TYPES[kind]
    table = pa.table({"x": array})
    try:
        path = write(tmp_path, table)
    except pa.ArrowNotImplementedError:  # what parquet has no type for
        path = write(tmp_path, table, "items.arrow")
    assert values(path, "x") == expected


UNREADABLE = {
    "a year beyond 9999": (
        pa.array([253402300800, 1], pa.timestamp("s")),
        "a time outside the years 1 to 9999: 253402300800",
    ),
    "a date beyond 9999": (
        pa.array([10_000_000, 1], pa.int32()).cast(pa.date32()),
        "a time outside the years 1 to 9999: 10000000 days",
    ),
    "a long duration": (pa.array([2**62, 1], pa.duration("s")), "a value of type duration"),
    "invalid UTF-8": (invalid_text().take(pa.array([1, 0])), "not valid UTF-8"),
    "a list with a year beyond 9999": (
        pa.array([[253402300800], [1]], pa.list_(pa.timestamp("s"))),
        "a value of type list",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_value_that_python_cannot_represent_affects_no_other(tmp_path, case):
    array, reason = UNREADABLE[case]
    broken, fine = values(write(tmp_path, pa.table({"x": array}), "items.arrow"), "x")
    assert isinstance(broken, BrokenValue) and str(broken).startswith(reason)
    assert fine is not None and not isinstance(fine, BrokenValue)


def test_old_times_of_spark_do_not_overflow(tmp_path):
    # 9999-12-31, which databases write for "never", is beyond the nanoseconds of 64 bits.
    times = pa.array([253402214400], pa.timestamp("s"))
    path = tmp_path / "log.parquet"
    pa.parquet.write_table(pa.table({"x": times}), path, use_deprecated_int96_timestamps=True)
    assert values(path, "x") == [at(9999, 12, 31)]
