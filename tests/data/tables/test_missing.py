"""Marks of missing values: absent where they are given, counted where they are not."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table

MARKS = ("\\N", "NA")
IDS = ["NA", "b", "c", "d"]
TITLES = ["\\N", "NA", "NA ", "na"]


def write(folder: Path, kind: str) -> Path:
    path = folder / f"items.{kind}"
    if kind == "jsonl":
        lines = [{"id": a, "title": b} for a, b in zip(IDS, TITLES, strict=True)]
        path.write_text("\n".join(json.dumps(line) for line in lines))
    elif kind == "parquet":
        titles = pa.array(TITLES).dictionary_encode()
        pa.parquet.write_table(pa.table({"id": IDS, "title": titles}), path)
    else:
        mark = {"csv": ",", "tsv": "\t"}[kind]
        rows = [f"{a}{mark}{b}\n" for a, b in zip(IDS, TITLES, strict=True)]
        path.write_text(f"id{mark}title\n" + "".join(rows))
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("marks", [MARKS, (), None])
def test_given_marks_are_absent_values_but_ids(tmp_path, kind, marks):
    source = find_table(write(tmp_path, kind), Dialect(missing=marks))
    rows = [row for _, row in read_table(source, ["id", "title"], lambda *r: None, ids=("id",))]
    texts = [
        [value.decode() if isinstance(value, bytes) else value for value in row.values()]
        for row in rows
    ]
    expected = [None, None, "NA ", "na"] if marks else TITLES
    assert texts == [list(pair) for pair in zip(IDS, expected, strict=True)]


def test_numbers_of_other_columns_are_unchanged(tmp_path):
    path = tmp_path / "items.parquet"
    pa.parquet.write_table(pa.table({"n": [1, 2], "tags": [["NA"], None]}), path)
    source = find_table(path, Dialect(missing=("NA", "1")))
    rows = [row for _, row in read_table(source, ["n", "tags"], lambda *r: None)]
    assert rows == [{"n": 1, "tags": ["NA"]}, {"n": 2, "tags": None}]


@pytest.mark.parametrize("missing", ["", 'missing: ["\\\\N", "NA"], '])
def test_pack_tells_of_marks_unless_they_are_given(tmp_path, capsys, missing):
    (tmp_path / "items.tsv").write_text(
        "id\ttitle\tyear\na\tA\t1999\nb\t\\N\t\\N\nc\tNA\t2001\nd\tD\tNA\n"
    )
    (tmp_path / "log.csv").write_text("user,item,time\n" + "".join(f"u,{i},1\n" for i in "abcd"))
    (tmp_path / "d.yaml").write_text(
        f"items: {{table: items.tsv, id: id, {missing}"
        "features: {title: {modality: text}, year: {modality: number}}}\n"
        "interactions: {table: log.csv, user: user, item: item, time: time}\n"
    )
    counts = pack(tmp_path / "d.yaml", tmp_path / "D", PackConfig(quiet=True, max_rejects=1.0))
    printed = capsys.readouterr().out
    if missing:
        assert printed == "" and counts["rejects"]["count"] == 0
    else:
        # Of eight values two are \N and two NA; those of the year are rejects as well.
        assert counts["rejects"]["count"] == 2
        assert printed == (
            "items.tsv: 4 values look like marks of missing values: '\\\\N' 2, 'NA' 2; "
            'if they are, give missing: ["\\\\N", "NA"]\n'
        )
