"""Fuzz tests: any dataset file or table gives a result or an error of one line, no traceback.

To run more examples: TFMMREC_FUZZ_EXAMPLES=100000 pytest -k test_any
"""

import copy
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset_file import InteractionTable, read_dataset_file
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions.reader import read_interactions
from tfmmrec.data.packing import pack
from tfmmrec.data.positive import parse_positive
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import TfmmrecError

EXAMPLES = int(os.environ.get("TFMMREC_FUZZ_EXAMPLES", "60"))
fuzz = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)

DECLARED: dict[str, Any] = {
    "name": "x",
    "items": {
        "table": "items.csv",
        "id": "id",
        "features": {
            "title": {"modality": "text"},
            "cover": {"modality": "image"},
            "sound": {"modality": "audio"},
            "genre": {"modality": "categorical", "separator": "|"},
            "year": {"modality": "number"},
        },
    },
    "users": {"table": "users.jsonl", "id": "id", "features": {"age": {"modality": "number"}}},
    "interactions": {
        "table": "log.csv",
        "user": "user",
        "item": "item",
        "time": "time",
        "rating": "rating",
        "positive": "rating >= 4",
    },
    "split": {"by": "last_out"},
    "cold_items": {"share": 0.1},
    "cold_users": {"share": 0.2},
}
ITEMS = b"id,title,cover,sound,genre,year\n1,One,a.png,a.wav,x|y,1990\n2,Two,,,x,\n"
USERS = b'{"id": "a", "age": 3}\n{"id": "b", "age": null}\n'
LOG = b"user,item,time,rating\na,1,1,5\na,2,2,4\nb,1,2020-01-01,3\n"

words = st.sampled_from(["id", "title", "text", "number", "time", "items.csv", "last_out", "x", ""])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | words
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths_of(content: Any, path: tuple = ()) -> list[tuple]:
    if not isinstance(content, dict):
        return [path]
    return [path, *(found for key in content for found in paths_of(content[key], (*path, key)))]


@st.composite
def dataset_files(draw: Any) -> bytes:
    """The declared file with some keys changed, taken out or put in; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    content = copy.deepcopy(DECLARED)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([path for path in paths_of(content) if path]))
        parent = content
        for key in path[:-1]:
            parent = parent[key]
        change = draw(st.integers(0, 2))
        if change == 0:
            del parent[path[-1]]
        elif change == 1:
            parent[path[-1]] = draw(values)
        else:
            parent[draw(words | st.text(max_size=5))] = draw(values)
    return yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "replace")


@st.composite
def tables(draw: Any, whole: bytes) -> bytes:
    """A table with some of its bytes changed, taken out, doubled or put in."""
    data = whole
    odd = st.sampled_from(
        [
            b'"',
            b"\n",
            b"\r",
            b",",
            b"\0",
            b"\xff",
            b"\xef\xbb\xbf",
            b"{",
            b"nan",
            b"1e999",
            b"\\ud800",
        ]
    )
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 8)))
        data = data[:at] + draw(odd | st.binary(max_size=4) | st.just(data[at:to] * 2)) + data[to:]
    return data


def answers(work: Any) -> None:
    try:
        work()
    except TfmmrecError as error:
        assert str(error) and "\n" not in str(error)


def place(folder: Path, declared: bytes, items: bytes, users: bytes, log: bytes) -> Path:
    for name, data in (("items.csv", items), ("users.jsonl", users), ("log.csv", log)):
        (folder / name).write_bytes(data)
    (folder / "data.yaml").write_bytes(declared)
    return folder / "data.yaml"


@fuzz
@given(dataset_files())
def test_any_dataset_file_is_read_or_refused(declared: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = place(Path(name), declared, ITEMS, USERS, LOG)
        answers(lambda: read_dataset_file(path).schema())


@fuzz
@given(st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]), st.data())
def test_any_table_is_read_or_refused(suffix: str, data: Any) -> None:
    content = data.draw(tables(USERS if suffix == ".jsonl" else ITEMS))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"table{suffix}"
        path.write_bytes(content)
        answers(lambda: list(read_table(find_table(path), ["id"], lambda *reject: None)))


@fuzz
@given(tables(LOG))
def test_any_log_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "log.csv"
        path.write_bytes(content)
        table = InteractionTable(
            find_table(path), "user", "item", "time", "rating", parse_positive("rating >= 4"), None
        )
        rejects: list = []
        ids = IdIndex(["1", "2"])
        answers(
            lambda: list(read_interactions(table, ids, IdIndex(), lambda *r: rejects.append(r)))
        )
        assert all(isinstance(row, int) and reason for row, _, reason in rejects)


@fuzz
@given(dataset_files(), tables(ITEMS), tables(USERS), tables(LOG))
def test_any_catalogue_is_packed_or_refused(
    declared: bytes, items: bytes, users: bytes, log: bytes
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "catalogue"
        folder.mkdir()
        path = place(folder, declared, items, users, log)
        out = Path(name) / "data"
        answers(lambda: pack(path, out, PackConfig(max_rejects=1.0, quiet=True)))
        left = sorted(entry.name for entry in Path(name).iterdir())
        assert left in (["catalogue"], ["catalogue", "data"])
        assert not out.exists() or (out / "MANIFEST.json").is_file()
