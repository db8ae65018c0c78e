"""Readers of tables: unchanged values, and malformed rows that do not affect others."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tfmmrec.data.tables import csv
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import DataError

ROWS = [("007", "Blue"), ("8", None), ("9", "x")]


def write(folder: Path, suffix: str) -> Path:
    path = folder / f"items{suffix}"
    if suffix == ".parquet":
        names, titles = zip(*ROWS, strict=True)
        pa.parquet.write_table(pa.table({"title": titles, "n": [1, 2, 3], "id": names}), path)
    elif suffix == ".jsonl":
        lines = [{"id": identity, "title": title} for identity, title in ROWS]
        lines[2]["n"] = 3
        path.write_text("\n\n".join(json.dumps(line) for line in lines))
    else:
        mark = {".csv": ",", ".tsv": "\t"}[suffix]
        lines = [("title", "n", "id")] + [(title or "", "1", name) for name, title in ROWS]
        path.write_text("".join(mark.join(line) + "\n" for line in lines))
    return path


def read(path: Path, columns: list[str]) -> tuple[list, list]:
    rejects: list = []
    rows = list(read_table(find_table(path), columns, lambda *reject: rejects.append(reject)))
    return rows, rejects


def texts(row: dict) -> dict:
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in row.items()}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_ids_keep_their_zeros_and_empty_values_are_absent(tmp_path, suffix):
    rows, rejects = read(write(tmp_path, suffix), ["id", "title"])
    assert [(number, texts(row)) for number, row in rows] == [
        (1, {"id": "007", "title": "Blue"}),
        (2, {"id": "8", "title": None}),
        (3, {"id": "9", "title": "x"}),
    ]
    assert rejects == []


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_an_unknown_column_is_named_with_those_that_there_are(tmp_path, suffix):
    path = write(tmp_path, suffix)
    with pytest.raises(DataError) as caught:
        read(path, ["id", "titel"])
    message = str(caught.value)
    assert str(path) in message and "'titel'" in message and "title" in message


def test_a_key_that_only_some_lines_have_is_absent_in_the_others(tmp_path):
    rows, _ = read(write(tmp_path, ".jsonl"), ["n"])
    assert [row["n"] for _, row in rows] == [None, None, 3]


@pytest.mark.parametrize("text", ["", "id,title\n"])
def test_an_empty_csv_is_refused(tmp_path, text):
    (tmp_path / "items.csv").write_text(text)
    with pytest.raises(DataError, match=r"items.csv: the table (is empty|has no rows)"):
        read(tmp_path / "items.csv", ["id"])


def test_empty_jsonl_and_parquet_are_refused(tmp_path):
    (tmp_path / "items.jsonl").write_text("\n")
    pa.parquet.write_table(pa.table({"id": pa.array([], pa.string())}), tmp_path / "items.parquet")
    for name in ("items.jsonl", "items.parquet"):
        with pytest.raises(DataError, match=f"{name}: the table has no rows"):
            read(tmp_path / name, ["id"])


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "items.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="unknown type of table"):
        read(tmp_path / "items.xlsx", ["id"])
    (tmp_path / "items.parquet").write_bytes(b"this is no parquet")
    with pytest.raises(DataError, match=r"items.parquet: cannot be read"):
        read(tmp_path / "items.parquet", ["id"])


def test_rows_of_csv_with_too_many_columns_leave_the_numbers_right(tmp_path):
    # Rows 1, 4, 5 and 8 have another number of columns than the header.
    lines = ["id,title", "a", "b,x", "c,x", "d,x,y", "e", "f,x", "g,x", "h,1,2,3"]
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    rows, rejects = read(tmp_path / "items.csv", ["id"])
    assert [(number, row["id"]) for number, row in rows] == [
        (2, b"b"),
        (3, b"c"),
        (6, b"f"),
        (7, b"g"),
    ]
    assert [(number, field) for number, field, _ in rejects] == [
        (1, None),
        (4, None),
        (5, None),
        (8, None),
    ]
    assert rejects[1][2] == "it has 3 values, the header 2"


@pytest.fixture
def small_blocks(monkeypatch):
    """A block holds some 1,800 of the lines of 36 bytes below, and a chunk 1,000 rows."""
    monkeypatch.setattr(csv, "_BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(csv, "MAX_CHUNK_ROWS", 1000)


def test_row_numbers_of_a_csv_of_several_blocks_stay_right(tmp_path, small_blocks):
    bad = {3, 999, 1000, 1001, 15_000, 15_001, 19_999, 20_000}
    lines = ["id,title"]
    for number in range(1, 20_001):
        lines.append(f"{number:06d},{'x' * 28}" + (",more" if number in bad else ""))
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    rows, rejects = read(tmp_path / "items.csv", ["id"])
    assert [number for number, _, _ in rejects] == sorted(bad)
    assert len(rows) == 20_000 - 8
    assert all(int(row["id"]) == number for number, row in rows)


def test_lines_behind_open_quotes_are_rescued_in_their_place(tmp_path, small_blocks):
    lines = ["id,title"] + [f"{number:06d},{'x' * 28}" for number in range(1, 20_001)]
    # Each opens a quote that the next line's quote ends, so that the two are read as one.
    for number in (7, 998, 1000, 5000, 19_990):
        lines[number] = f'{number:06d},"open'
        lines[number + 1] = f'{number + 1:06d},"closed, and more"'
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    rows, rejects = read(tmp_path / "items.csv", ["id"])
    # Only the five lines that open a quote are lost, and all others come in their order.
    ids = [int(row["id"]) for _, row in rows]
    lost = {7, 998, 1000, 5000, 19_990}
    assert ids == [number for number in range(1, 20_001) if number not in lost]
    assert [number for number, _, _ in rejects] == sorted(lost)
    assert all(reason.startswith("a quote is not closed") for _, _, reason in rejects)
    assert all(int(row["id"]) == number for number, row in rows)


def test_bad_lines_of_jsonl_leave_the_numbers_right(tmp_path):
    lines = [b'{"id": "a"}', b"{oops", b'["a"]', b'{"id": "caf\xe9"}', b"", b'{"id": "b"}']
    # Nested too deep for the parser.
    lines.append(b"[" * 100_000)
    (tmp_path / "items.jsonl").write_bytes(b"\n".join(lines))
    rows, rejects = read(tmp_path / "items.jsonl", ["id"])
    # Empty lines are no rows.
    # A byte that is no UTF-8 is for the field that holds it to reject.
    assert rows == [(1, {"id": "a"}), (4, {"id": "caf\udce9"}), (5, {"id": "b"})]
    assert [number for number, _, _ in rejects] == [2, 3, 6]
    assert rejects[1][2] == "the line is not a JSON object"


def test_a_quoted_field_holds_marks_breaks_and_bad_utf8(tmp_path):
    (tmp_path / "items.csv").write_bytes(b'id,title\na,"x, ""y""\nz"\nb,caf\xe9\n')
    rows, rejects = read(tmp_path / "items.csv", ["id", "title"])
    assert rows == [
        (1, {"id": b"a", "title": b'x, "y"\nz'}),
        (2, {"id": b"b", "title": b"caf\xe9"}),
    ]
    assert rejects == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, suffix):
    path = write(tmp_path, suffix)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    rows, rejects = read(path, ["id", "title"])
    assert (texts(rows[0][1]), rejects) == ({"id": "007", "title": "Blue"}, [])
