"""Tests of packing: a small catalog with invalid values, packed and read back."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import yaml

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError
from tfmmrec.reports.data_validation.validate import check

LOOSE = PackConfig(max_rejects=1.0, quiet=True)

FEATURES = {
    "title": {"modality": "text"},
    "poster": {"modality": "image"},
    "genres": {"modality": "categorical", "separator": "|"},
    "year": {"modality": "number"},
}
# Row 2 has nothing; 3 names a picture that is not there, 4 a broken one; 5 repeats an id, 6 has
# none, 7 has no number where one is to be; 8 is whole.
ITEMS = [
    "item_id,title,poster,genres,year",
    "001,Один,1.png,War|Drama,1990",
    "002,,,,",
    "003,Three,none.png,Drama,2000",
    "004,Four,broken.png,Comedy|Drama,",
    "003,Again,1.png,War,1990",
    ",Nameless,1.png,War,1990",
    "007,Seven,1.png,,soon",
    "008,Eight,1.png,Drama,1980",
]
USERS = ["user_id,age", "u1,30", "u2,"]
# u1 has five positives, in the table out of order; u3 stands in no table of users.
LOG = [
    "user,item,time,stars",
    "u1,003,3,5",
    "u1,001,1,4",
    "u1,002,2,4",
    "u1,004,4,3",
    "u1,007,5,5",
    "u1,008,6,5",
    "u3,001,1,5",
    "u3,999,2,5",
    "u2,001,1,1",
    "u2,001,soon,1",
]


def picture_bytes() -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", (8, 8), "red").save(out, format="PNG")
    return out.getvalue()


def write(
    folder: Path,
    *,
    log: list[str] = LOG,
    items: list[str] = ITEMS,
    features: dict[str, Any] = FEATURES,
    **more: Any,
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "1.png").write_bytes(picture_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    for name, lines in (("items", items), ("users", USERS), ("log", log)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    content = {
        "name": "films",
        "items": {"table": "items.csv", "id": "item_id", "features": features},
        "users": {
            "table": "users.csv",
            "id": "user_id",
            "features": {"age": {"modality": "number"}},
        },
        "interactions": {
            "table": "log.csv",
            "user": "user",
            "item": "item",
            "time": "time",
            "rating": "stars",
            "positive": "stars >= 4",
        },
        **more,
    }
    (folder / "films.yaml").write_text(yaml.safe_dump(content))
    return folder / "films.yaml"


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("packing")
    statistics = pack(write(folder / "films"), folder / "data", LOOSE)
    return folder / "data", statistics


def test_what_is_broken_is_in_rejects_and_nothing_else(packed):
    lines = (packed[0] / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    rejects = [json.loads(line) for line in lines]
    assert [(entry["table"], entry["row"], entry["field"]) for entry in rejects] == [
        ("items.csv", 4, "poster"),
        ("items.csv", 5, "item_id"),
        ("items.csv", 6, "item_id"),
        ("items.csv", 7, "year"),
        ("log.csv", 8, "item"),
        ("log.csv", 10, "time"),
    ]
    assert [entry["reason"].split(":")[0] for entry in rejects] == [
        "not a picture that can be decoded",
        "duplicate id '003'",
        "the id is missing",
        "not a number",
        "unknown item '999'",
        "not a time in seconds or ISO 8601",
    ]
    assert packed[1]["rejects"]["count"] == 6


def test_the_rest_is_packed(packed):
    dataset = Dataset(packed[0])
    assert dataset.item_ids == ["001", "002", "003", "004", "007", "008"]
    # u3 is known by the interactions alone.
    assert dataset.user_ids == ["u1", "u2", "u3"]
    assert dataset.item_rows["007"] == 4 and dataset.user_rows["u3"] == 2
    assert dataset.categories("items", "genres") == ["Drama", "Comedy", "War"]
    features = dataset.statistics["items"]["features"]
    # Titles: all but 002. Posters: 001, 007, 008. Years: 001, 003, 008. Genres: 001, 003, 004, 008.
    assert {name: feature["present"] for name, feature in features.items()} == {
        "title": 5,
        "poster": 3,
        "genres": 4,
        "year": 3,
    }
    assert features["genres"]["max_values"] == 2
    assert (features["year"]["quantiles"][0], features["year"]["quantiles"][-1]) == (1980, 2000)
    counts = dataset.statistics["interactions"]
    # Ten rows less two rejects; six of at least four stars... u1: 5, 4, 4, 5, 5; u3: 5.
    assert (counts["count"], counts["positives"]) == (8, 6)
    assert (counts["train"], counts["valid"], counts["test"]) == (6, 1, 1)


def test_values_come_back_in_the_order_of_the_vocabulary(packed):
    dataset = Dataset(packed[0])

    def read(side: Any, feature: str) -> list:
        batches = list(dataset.values(side, feature, batch_size=4))
        return [value for batch in batches for value in batch.numpy().tolist()]

    titles = [title.decode() for title in read("items", "title")]
    assert titles == ["Один", "", "Three", "Four", "Seven", "Eight"]
    posters = [len(poster) for poster in read("items", "poster")]
    size = len(picture_bytes())
    assert posters == [size, 0, 0, 0, size, size]
    np.testing.assert_array_equal(read("items", "year"), [1990, np.nan, 2000, np.nan, np.nan, 1980])
    genres = [row for batch in dataset.values("items", "genres", 4) for row in batch.to_list()]
    assert genres == [[b"War", b"Drama"], [], [b"Drama"], [b"Comedy", b"Drama"], [], [b"Drama"]]
    # A user of the interactions alone has no age.
    np.testing.assert_array_equal(read("users", "age"), [30, np.nan, np.nan])


def test_histories_are_the_positives_in_order(packed):
    dataset = Dataset(packed[0])
    rows = dataset.item_rows
    # u1's positives by time: 001, 002, 003, 007, 008; the last is test, the one before it valid.
    train = dataset.histories(["train"])
    assert train.of_user(0).tolist() == [rows["001"], rows["002"], rows["003"]]
    both = dataset.histories(["valid", "train"])
    assert both.of_user(0).tolist() == [rows["001"], rows["002"], rows["003"], rows["007"]]
    assert dataset.events("test").item.tolist() == [rows["008"]]
    # One star is no positive, and yet was done.
    assert both.of_user(1).tolist() == []
    assert dataset.all_histories().of_user(1).tolist() == [rows["001"]]
    assert dataset.all_histories().of_user(0).tolist() == [
        rows[name] for name in ("001", "002", "003", "004", "007", "008")
    ]
    last = both.last(np.array([0, 2, 1]), 3)
    assert last.tolist() == [[rows["002"], rows["003"], rows["007"]], [0, -1, -1], [-1, -1, -1]]
    events = dataset.events("train")
    assert events.time.tolist() == [1000, 2000, 3000, 4000, 1000, 1000]
    assert events.rating.tolist() == [4, 4, 5, 3, 1, 5]
    assert events.order.tolist() == [0, 1, 2, 3, 0, 0]
    with pytest.raises(DataError, match="unknown split 'dev'"):
        dataset.events("dev")


def test_too_many_rejects_are_an_error_that_leaves_nothing(tmp_path):
    path = write(tmp_path / "films")
    with pytest.raises(DataError) as caught:
        pack(path, tmp_path / "data", PackConfig(max_rejects=0.05, quiet=True))
    message = str(caught.value)
    # A duplicate and a row without an id; one broken poster and one year that is none are few.
    assert f"{path}: items.csv: 2 of 8 rows cannot be used (25.0%, the limit is 5.0%)" in message
    assert "first: items.csv row 5: item_id: duplicate id '003'; correct" in message
    assert "\n" not in message
    assert [entry.name for entry in tmp_path.iterdir()] == ["films"]


def test_no_rejects_within_no_tolerance(tmp_path):
    items = [ITEMS[0], ITEMS[1], ITEMS[2], ITEMS[3]]
    log = [LOG[0], "u1,001,1,4", "u1,003,2,4"]
    path = write(tmp_path / "films", items=items, log=log)
    statistics = pack(path, tmp_path / "data", PackConfig(max_rejects=0.0, quiet=True))
    assert (statistics["rejects"]["count"], statistics["rejects"]["share"]) == (0, 0.0)


def test_tables_that_give_nothing_are_an_error(tmp_path):
    path = write(tmp_path / "films", log=[LOG[0], "u1,999,1,4"])
    with pytest.raises(DataError, match=r"log\.csv: no valid row.*unknown item '999'"):
        pack(path, tmp_path / "data", LOOSE)
    path = write(tmp_path / "films", items=[ITEMS[0], ITEMS[6]])
    with pytest.raises(DataError, match=r"items\.csv: no valid row.*the id is missing"):
        pack(path, tmp_path / "data", LOOSE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["films"]


def test_packing_twice_gives_the_same_bytes(packed, tmp_path):
    pack(write(tmp_path / "films"), tmp_path / "data", LOOSE)

    def contents(folder: Path) -> dict[str, bytes]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    assert contents(tmp_path / "data") == contents(packed[0])


def test_cold_items_are_in_test_only(tmp_path):
    items = ["item_id,title,poster,genres,year"] + [f"{n:02d},T{n},,," for n in range(20)]
    log = [LOG[0]] + [f"u{user},{n:02d},{n},5" for user in range(4) for n in range(18)]
    features = {name: {**options, "optional": True} for name, options in FEATURES.items()}
    cold = {"cold_items": {"share": 0.25}}
    path = write(tmp_path / "films", items=items, features=features, log=log, **cold)
    pack(path, tmp_path / "data", LOOSE)
    dataset = Dataset(tmp_path / "data")
    cold = set(np.flatnonzero(dataset.cold_items).tolist())
    # A quarter of the 18 items that somebody chose: round(4.5) is the even 4.
    assert len(cold) == 4 and cold <= set(range(18))
    for split in ("train", "valid"):
        assert not cold & set(dataset.events(split).item.tolist())
        assert len(dataset.events(split)) > 0
    test = dataset.events("test").item.tolist()
    # Every choice of a cold item, four users each, is in test.
    assert sum(item in cold for item in test) == 16
    assert sum(len(dataset.events(split)) for split in ("train", "valid", "test")) == 72
    # Another seed draws others.
    pack(path, tmp_path / "other", PackConfig(max_rejects=1.0, seed=1, quiet=True))
    assert set(np.flatnonzero(Dataset(tmp_path / "other").cold_items).tolist()) != cold


def test_without_a_table_of_users_the_interactions_name_them(tmp_path):
    path = write(tmp_path / "films", users=None)
    pack(path, tmp_path / "data", LOOSE)
    dataset = Dataset(tmp_path / "data")
    assert dataset.user_ids == ["u1", "u3", "u2"]
    assert dict(dataset.features("users")) == {}
    assert dataset.statistics["users"]["count"] == 3
    assert dataset.cold_items.tolist() == [False] * 6


def test_check_finds_a_changed_byte_and_a_missing_file(tmp_path):
    pack(write(tmp_path / "films"), tmp_path / "data", LOOSE)
    dataset = Dataset(tmp_path / "data")
    check(dataset.folder, CheckConfig(quiet=True))
    shard = tmp_path / "data" / "items" / "part-00000.tfrecord"
    whole = shard.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    shard.write_bytes(bytes(changed))
    with pytest.raises(DataError, match=r"items/part-00000\.tfrecord: the checksum differs"):
        check(dataset.folder, CheckConfig(quiet=True))
    shard.write_bytes(whole)
    check(dataset.folder, CheckConfig(quiet=True))
    shard.unlink()
    with pytest.raises(DataError, match=r"items/part-00000\.tfrecord: the file is missing"):
        check(dataset.folder, CheckConfig(quiet=True))


def test_a_folder_without_a_manifest_is_no_data_folder(packed, tmp_path):
    with pytest.raises(DataError, match="not a data folder"):
        Dataset(tmp_path)
    with pytest.raises(DataError, match="exists already"):
        pack(write(tmp_path / "films"), packed[0], LOOSE)


def test_rows_are_read_fewer_at_a_time_the_larger_they_are(packed):
    dataset = Dataset(packed[0])
    assert dataset.rows_per_chunk("items", 100) == 100
    # Six items of 10 MB each: six of them are 60 MB, and 64 MB are to be read at a time.
    dataset.manifest["files"] = {"items/part-00000.tfrecord": {"bytes": 6 * 10**7}}
    assert dataset.rows_per_chunk("items") == 32, "at least so many"
    dataset.manifest["files"] = {"items/part-00000.tfrecord": {"bytes": 6 * 10**6}}
    assert dataset.rows_per_chunk("items") == 64
