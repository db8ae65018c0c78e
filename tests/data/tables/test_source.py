"""Tables of several files: which files they are, their order, and the names of their rows."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tfmmrec.data.tables.read import count_rows, read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import DataError


def write(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(path: Path) -> list[str]:
    source = find_table(path)
    return [str(part.relative_to(source.folder)) for part in source.parts]


def test_a_folder_is_its_parts_in_the_order_of_names_without_marks(tmp_path):
    spark = ["part-1.csv", "part-0.csv", "date=2020-01-02/b.csv", "date=2020-01-01/a.csv"]
    marks = ["_SUCCESS", ".part-0.csv.crc", "_metadata/x.csv", ".hidden/x.csv"]
    for name in spark + marks:
        write(tmp_path / "log.csv", {name: "id\na\n"})
    assert names(tmp_path / "log.csv") == [
        "log.csv/date=2020-01-01/a.csv",
        "log.csv/date=2020-01-02/b.csv",
        "log.csv/part-0.csv",
        "log.csv/part-1.csv",
    ]


def test_a_pattern_is_the_files_that_match_it(tmp_path):
    folder = write(tmp_path / "data [v1]", {"log-2.csv": "x", "log-1.csv": "x", "items.csv": ""})
    assert names(folder / "log-*.csv") == ["log-1.csv", "log-2.csv"]
    assert names(folder / "log-[2-9].csv") == ["log-2.csv"]
    # What exists is not a pattern, although its name has brackets.
    assert names(folder / "items.csv") == ["items.csv"]
    write(folder, {"log-[1].csv": ""})
    assert names(folder / "log-[1].csv") == ["log-[1].csv"]
    write(folder, {"a/log.csv": "x", "b/c/log.csv": "x"})
    assert names(folder / "**" / "log.csv") == ["a/log.csv", "b/c/log.csv"]


def test_what_has_no_files_is_refused(tmp_path):
    write(tmp_path / "empty", {"_SUCCESS": ""})
    for name, reason in {
        "empty": "the folder has no parts of a table",
        "log-*.csv": "no file matches",
        "log.csv": "no such file",
    }.items():
        with pytest.raises(DataError, match=reason):
            find_table(tmp_path / name)


def test_rows_and_rejects_of_parts_have_unique_numbers_that_lead_back(tmp_path):
    write(tmp_path / "log", {"a.csv": "id,n\nx,1\ny\n", "b.csv": "n,id\n2,z\n3\n4,w\n"})
    source = find_table(tmp_path / "log")
    rejects: list = []
    rows = list(read_table(source, ["id"], lambda *reject: rejects.append(reject)))
    assert [row["id"] for _, row in rows] == [b"x", b"z", b"w"]
    assert [source.locate(number) for number, _ in rows] == [
        ("log/a.csv", 1),
        ("log/b.csv", 1),
        ("log/b.csv", 3),
    ]
    assert [source.locate(number) for number, _, _ in rejects] == [
        ("log/a.csv", 2),
        ("log/b.csv", 2),
    ]
    numbers = [number for number, _ in rows]
    assert numbers == sorted(set(numbers))


def test_the_state_of_a_table_follows_each_part(tmp_path):
    folder = write(tmp_path / "log", {"a.csv": "id\nx\n", "b.csv": "id\ny\n"})
    state = find_table(folder).state()
    assert find_table(folder).state() == state
    write(folder, {"b.csv": "id\nyy\n"})
    changed = find_table(folder).state()
    write(folder, {"c.csv": "id\nz\n"})
    assert len({str(state), str(changed), str(find_table(folder).state())}) == 3


def test_parts_may_be_compressed_and_their_columns_in_any_order(tmp_path):
    folder = write(tmp_path / "log", {"a.csv": "n,id\n1,x\n"})
    (folder / "b.csv.gz").write_bytes(gzip.compress(b"id,n\ny,2\n"))
    source = find_table(folder)
    assert [row for _, row in read_table(source, ["id", "n"], pytest.fail)] == [
        {"id": b"x", "n": b"1"},
        {"id": b"y", "n": b"2"},
    ]


def test_a_part_without_a_column_is_named(tmp_path):
    folder = write(tmp_path / "log", {"a.csv": "id\nx\n", "b.csv": "name\ny\n"})
    with pytest.raises(DataError, match=r"log/b.csv: no column 'id'; the columns are name"):
        list(read_table(find_table(folder), ["id"], pytest.fail))


def test_parts_of_parquet_are_one_table_and_one_may_be_empty(tmp_path):
    folder = write(tmp_path / "items.parquet", {"_SUCCESS": ""})
    for part, ids in enumerate([["a", "b"], [], ["c"]]):
        table = pa.table({"id": pa.array(ids, pa.string())})
        pa.parquet.write_table(table, folder / f"part-{part}.parquet")
    source = find_table(folder)
    assert [row["id"] for _, row in read_table(source, ["id"], pytest.fail)] == ["a", "b", "c"]
    assert count_rows(source) == 3


def test_parts_of_no_bytes_are_left_out(tmp_path):
    folder = write(tmp_path / "log", {"a.csv": "", "b.csv": "id\nx\n", "c.csv": "id\n"})
    source = find_table(folder)
    assert [row["id"] for _, row in read_table(source, ["id"], pytest.fail)] == [b"x"]
    assert [part.name for part in source.parts] == ["b.csv", "c.csv"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.csv": "x", "b.parquet": "x"}, r"csv \(a.csv\) and parquet \(b.parquet\); select one"),
        ({"a.csv": "x", "notes.doc": "x"}, "unknown type of table: .*notes.doc; use csv"),
        ({"a.xlsx": "x"}, "save the spreadsheet as csv"),
        ({"a.csv.zip": "x"}, "unpack the archive first"),
        ({"a.tar.gz": "x"}, "unpack the archive first"),
    ],
)
def test_types_that_are_mixed_or_unknown_are_refused(tmp_path, files, reason):
    with pytest.raises(DataError, match=reason):
        find_table(write(tmp_path / "log", files))


def test_only_the_first_reject_is_quoted_if_no_row_can_be_read(tmp_path):
    folder = write(tmp_path / "log", {"a.csv": "id,n\nx\ny\n", "b.csv": "id,n\nz\n"})
    with pytest.raises(
        DataError, match=r"log: none of its 3 rows can be read; first: log/a.csv row 1"
    ):
        list(read_table(find_table(folder), ["id"], lambda *reject: None))
