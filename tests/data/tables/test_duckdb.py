"""Tables that are queries of DuckDB: paths, databases, types, order of rows and errors."""

import sys
from pathlib import Path

import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset_file import read_dataset_file
from tfmmrec.data.packing import pack
from tfmmrec.data.tables.read import count_rows, read_chunks, read_table
from tfmmrec.data.tables.source import query_table
from tfmmrec.errors import DataError

duckdb = pytest.importorskip("duckdb", reason="needs tfmmrec[duckdb]")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder of tables, and another current folder with a table of the same name."""
    folder = tmp_path / "data [v1], 'x'"
    folder.mkdir()
    (folder / "items.csv").write_text("id,title\na,A\nb,B\n")
    with duckdb.connect(folder / "shop.duckdb") as shop:
        shop.execute("CREATE TABLE items (id TEXT, n INT)")
        shop.execute("INSERT INTO items VALUES ('x', 1), ('y', NULL)")
    other = tmp_path / "other"
    other.mkdir()
    (other / "items.csv").write_text("id,title\nwrong,W\n")
    monkeypatch.chdir(other)
    return folder


def rows(sql: str, folder: Path, *columns: str) -> list[tuple]:
    source = query_table(sql, folder, "songs.yaml: items.table")
    return [tuple(row.values()) for _, row in read_table(source, columns, pytest.fail)]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM 'items.csv'",
        "SELECT id, title FROM 'items.csv'",
        "SELECT * FROM read_csv('items.csv')",
        "SELECT * FROM read_csv(['items.csv'])",
        "SELECT * FROM 'item*.csv'",
        "SELECT a.* FROM 'items.csv' AS a JOIN 'items.csv' AS b USING (id) ORDER BY id;",
    ],
)
def test_relative_paths_start_at_the_folder(folder, sql):
    assert rows(sql, folder, "id", "title") == [("a", "A"), ("b", "B")]


def test_databases_are_read(folder):
    sql = "ATTACH 'shop.duckdb' AS shop (READ_ONLY); SELECT * FROM shop.items"
    assert rows(sql, folder, "id", "n") == [("x", 1), ("y", None)]


def test_values_of_texts_are_no_paths(folder):
    sql = "SELECT 'items.csv' AS id WHERE 'items.csv' = 'items.csv'"
    assert rows(sql, folder, "id") == [("items.csv",)]


def test_rows_stream_in_chunks_and_keep_their_order(folder):
    sql = "SELECT a.i AS id FROM range(300000) a(i) JOIN range(1000) b(i) ON a.i % 1000 = b.i"
    source = query_table(sql, folder, "songs.yaml: items.table")
    chunks = list(read_chunks(source, ["id"], pytest.fail))
    assert len(chunks) > 1 and sum(map(len, chunks)) == 300_000
    again = list(read_chunks(source, ["id"], pytest.fail))
    assert [list(chunk.array("id")) for chunk in chunks] == [
        list(chunk.array("id")) for chunk in again
    ]
    assert chunks[0].numbers[0] == 1
    assert count_rows(source) == 0  # unknown


def test_the_state_follows_the_rows(folder):
    source = query_table("FROM 'items.csv'", folder, "songs.yaml: items.table")
    state = source.state()
    assert source.state() == state
    (folder / "items.csv").write_text("id,title\na,A\nb,C\n")
    assert source.state() != state


BAD = {
    "a syntax error": ("SELEC", "Parser Error"),
    "an unknown file": ("FROM 'nothing.csv'", "nothing.csv"),
    "an unknown column": ("SELECT year FROM 'items.csv'", "year"),
    "no statement": ("  ", "the query is empty"),
    "a Python variable": ("FROM BAD", "BAD"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_error_in_the_query_names_the_key(folder, case):
    sql, reason = BAD[case]
    path = folder / "songs.yaml"
    items = {"table": f"duckdb:{sql}", "id": "id"}
    path.write_text(yaml.safe_dump({"items": items, "interactions": {}}))
    with pytest.raises(DataError) as caught:
        read_dataset_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: items.table: ") and reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT CAST(title AS INT) AS id FROM 'items.csv'", "Conversion Error"),
        ("SELECT title FROM 'items.csv'", "no column 'id'; the columns are title"),
        ("SELECT * FROM 'items.csv' WHERE false", "the table has no rows"),
    ],
)
def test_an_error_in_the_rows_names_the_key(folder, sql, reason):
    with pytest.raises(DataError, match=f"songs.yaml: items.table: {reason}"):
        rows(sql, folder, "id")


def test_without_duckdb_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(DataError, match=r"pip install 'tfmmrec\[duckdb\]'"):
        query_table("FROM 'items.csv'", folder, "songs.yaml: items.table")


def test_queries_are_packed(folder, tmp_path):
    (folder / "log.csv").write_text(
        "u,i,t\n" + "".join(f"u{n % 3},{'ab'[n % 2]},{n}\n" for n in range(12))
    )
    since = "if(id = 'a', 'infinity', '2020-01-01')::TIMESTAMP AS since"
    content = {
        "items": {
            "table": f"duckdb:SELECT id, 1.50 AS price, {since} FROM 'items.csv'",
            "id": "id",
            "features": {"price": {"modality": "number"}, "since": {"modality": "text"}},
        },
        "interactions": {
            "table": "duckdb:SELECT u, i, make_timestamp(t * 1000000) AS t FROM 'log.csv'",
            **{"user": "u", "item": "i", "time": "t"},
        },
        "split": {"by": "none"},
    }
    (folder / "songs.yaml").write_text(yaml.safe_dump(content))
    options = PackConfig(max_rejects=1.0, quiet=True)
    statistics = pack(folder / "songs.yaml", tmp_path / "out", options)
    assert statistics["items"]["features"]["price"]["present"] == 2
    assert statistics["interactions"]["count"] == 12
    (reject,) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert '"table": "items.table", "row": 1, "field": "since"' in reject
