"""Layouts, encodings and compressions of JSON, and what is said of what cannot be read."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pytest

from tfmmrec.data.tables import jsonl
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import DataError

ROWS = [{"id": f"i{n}", "title": f"T{n}", "tags": ["a", "b"]} for n in range(5)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def read(path: Path, *columns: str) -> tuple[list, list]:
    rejects: list = []
    rows = list(read_table(find_table(path), columns, lambda *reject: rejects.append(reject)))
    return rows, rejects


def write(folder: Path, content: str | bytes, name: str = "items.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(params=[1 << 18, 7, 64], ids=["", "tiny blocks", "small blocks"])
def blocks(request, monkeypatch):
    monkeypatch.setattr(jsonl, "_BLOCK_CHARS", request.param)


LAYOUTS = {
    "JSON lines": LINES,
    "lines that end in CR LF": LINES.replace("\n", "\r\n"),
    "no line break at the end": LINES.rstrip(),
    "an array in one line": json.dumps(ROWS),
    "an array of a row per line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "an array with indents": json.dumps(ROWS, indent=2),
    "objects with indents": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "Python literals": "".join(f"{row}\n" for row in ROWS),
    "UTF-8 with a byte order mark": b"\xef\xbb\xbf" + LINES.encode(),
    "UTF-16 with a byte order mark": LINES.encode("utf-16"),
    "UTF-16 without a byte order mark": LINES.encode("utf-16-le"),
    "UTF-16 of the other order": b"\xfe\xff" + LINES.encode("utf-16-be"),
    "UTF-32": LINES.encode("utf-32"),
    "gzip": gzip.compress(LINES.encode()),
    "gzip in two members": gzip.compress(LINES[:70].encode()) + gzip.compress(LINES[70:].encode()),
    "an array in gzip": gzip.compress(json.dumps(ROWS).encode()),
    "UTF-16 in gzip": gzip.compress(LINES.encode("utf-16")),
    "bzip2": bz2.compress(LINES.encode()),
    "xz": lzma.compress(LINES.encode()),
    "zstd": pa.Codec("zstd").compress(LINES.encode(), asbytes=True),
    "lz4": pa.Codec("lz4").compress(LINES.encode(), asbytes=True),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_read_whatever_the_name(tmp_path, layout, blocks):
    for name in ("items.jsonl", "items.json", "items.ndjson.gz"):
        rows, rejects = read(write(tmp_path, LAYOUTS[layout], name), "id", "title", "tags")
        assert rows == list(enumerate(ROWS, start=1)) and rejects == []


def test_separators_of_unicode_are_text(tmp_path):
    title = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    line = json.dumps({"id": "a", "title": title}, ensure_ascii=False)
    rows, rejects = read(write(tmp_path, f"{line}\n{line}\r\n"), "title")
    assert [row for _, row in rows] == [{"title": title}, {"title": title}] and rejects == []


BAD = {
    "an array of texts": (b'["a", "b"]', "row 1: the line is not a JSON object"),
    "what is no JSON": (
        b"id,title\na,b\n",
        "none of its 2 rows can be read; first: row 1: not valid",
    ),
    "one line": (b"{oops", "its only row cannot be read; first: row 1: not valid JSON"),
    "Python that is no literal": (b"{'a': f()}\n" * 2, "row 1: neither JSON nor a Python literal"),
    "Python with bytes": (b"{'a': b'x'}\n" * 2, "row 1: neither JSON nor a Python literal"),
    "an array that is cut off": (
        b'[{"id": "a"},',
        "a JSON array of 1 rows, but its end is missing",
    ),
    "an array cut in a row": (b'[{"id": "a"}, {"id": "b', "row 2 is not valid JSON"),
    "two arrays": (b'[{"id": "a"}]\n[{"id": "b"}]', "there is more text after its end"),
    "an empty array": (b"[]", "the table has no rows"),
    "gzip that is cut off": (gzip.compress(LINES.encode())[:-30], "cannot be read: .*runcated"),
    "xz that is cut off": (lzma.compress(LINES.encode())[:-30], "cannot be read: "),
    "UTF-16 that is cut off": (LINES.encode("utf-16")[:-1], "save the file as UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_said(tmp_path, case, blocks):
    content, reason = BAD[case]
    with pytest.raises(DataError, match=f"items.jsonl: .*{reason}") as caught:
        read(write(tmp_path, content), "id")
    assert "\n" not in str(caught.value)


def test_a_bad_element_is_a_reject_and_others_are_kept(tmp_path, blocks):
    rows, rejects = read(write(tmp_path, '[{"id": "a"}, 3, "{}", {"id": "b"}, null]'), "id")
    assert rows == [(1, {"id": "a"}), (4, {"id": "b"})]
    assert [number for number, _, _ in rejects] == [2, 3, 5]
    assert rejects[0][2] == "the element is not a JSON object"


def test_a_malformed_first_line_of_json_lines_is_one_reject(tmp_path):
    rows, rejects = read(write(tmp_path, '{"id": "a",\n' + LINES), "id")
    assert len(rows) == 5 and [number for number, _, _ in rejects] == [1]


def test_half_a_surrogate_pair_of_utf16_affects_its_row_alone(tmp_path):
    line = '{"id": "a\ud800"}\n{"id": "b"}\n'.encode("utf-16", "surrogatepass")
    rows, _ = read(write(tmp_path, line), "id")
    assert [row["id"] for _, row in rows] == ["a\ud800", "b"]


def test_a_key_may_be_in_one_part_alone(tmp_path):
    write(tmp_path, '{"id": "a"}\n', "p-1.jsonl")
    write(tmp_path, '{"id": "b", "title": "T"}\n', "p-2.jsonl")
    rows, _ = read(tmp_path / "p-*.jsonl", "id", "title")
    assert [row for _, row in rows] == [{"id": "a", "title": None}, {"id": "b", "title": "T"}]
    with pytest.raises(DataError, match=r"p-\*.jsonl: no column 'year'; the columns are id, title"):
        read(tmp_path / "p-*.jsonl", "id", "year")
