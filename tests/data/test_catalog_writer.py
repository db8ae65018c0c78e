"""The catalog writer, read back by the reader of dataset files."""

import errno
import json
from pathlib import Path

import pytest

from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset_file import read_dataset_file
from tfmmrec.data.positive import parse_positive
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import ConfigError, DataError

ITEM_FEATURES = {
    "title": {"modality": "text"},
    "cover": {"modality": "image"},
    "genres": {"modality": "categorical", "separator": "|"},
}
EVENTS = [{"user_id": "a", "item_id": "1", "timestamp": 5}]


def write(folder, **changes):
    options = {
        "name": "songs",
        "items": [{"item_id": "1", "title": "Blue"}],
        "item_features": ITEM_FEATURES,
        "interactions": EVENTS,
        **changes,
    }
    return write_catalog(folder, **options)


def read_items(folder):
    return [json.loads(line) for line in (folder / "items.jsonl").read_bytes().splitlines()]


def test_dataset_file_says_what_was_given(tmp_path):
    path = write(
        tmp_path / "songs",
        users=iter([{"user_id": "a", "age": 30}]),
        user_features={"age": {"modality": "number", "optional": True}},
        interactions=[{"who": "a", "what": "1", "stars": 4.5, "weight": 2, "part": "train"}],
        interaction_columns={"user": "who", "item": "what", "rating": "stars"},
        positive="weight >= 1",
        split={"by": "column", "name": "part"},
        cold_items={"share": 0.25},
        cold_users={"share": 0.2},
    )
    dataset = read_dataset_file(path)
    assert dataset.name == "songs"
    assert dataset.schema().items["genres"].options()["separator"] == "|"
    assert list(dataset.schema().users) == ["age"]
    assert dataset.users is not None and dataset.users.optional == {"age"}
    assert dataset.items.optional == frozenset()
    assert dataset.interactions.positive == parse_positive("weight >= 1")
    assert dataset.interactions.time is None
    assert dataset.split == {"by": "column", "name": "part"}
    assert (dataset.cold_share, dataset.cold_user_share) == (0.25, 0.2)
    table = (tmp_path / "songs" / "interactions.csv").read_text(encoding="utf-8").splitlines()
    assert table == ["who,what,stars,weight,part", "a,1,4.5,2,train"]


def test_media_are_copied_or_written_and_named_relative_to_the_folder(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(folder.encode())
    items = [
        {"item_id": "1", "cover": tmp_path / "a" / "1.png"},
        {"item_id": "2", "cover": tmp_path / "b" / "1.png"},
        {"item_id": "3", "cover": ("../3.png", b"drawn")},
        {"item_id": "4", "cover": tmp_path / "none.png"},
        {"item_id": "5"},
    ]
    write(tmp_path / "songs", items=items)
    covers = [row["cover"] for row in read_items(tmp_path / "songs")]
    assert covers == ["cover/1.png", "cover/2-1.png", "cover/3.png", None, None]
    contents = [(tmp_path / "songs" / cover).read_bytes() for cover in covers[:3]]
    assert contents == [b"a", b"b", b"drawn"]


def test_texts_of_any_script_and_line_breaks_come_back(tmp_path):
    text = 'Синий, "青"\r\nالأزرق'
    write(
        tmp_path / "songs",
        items=[{"item_id": "1", "title": text}],
        users=[{"user_id": "a", "about": text}, {"user_id": "b"}],
        user_features={"about": {"modality": "text"}},
    )
    assert read_items(tmp_path / "songs")[0]["title"] == text
    rows = list(read_table(find_table(tmp_path / "songs" / "users.csv"), ["about"], pytest.fail))
    assert [row["about"] for _, row in rows] == [text.encode(), None]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": []}, "items.jsonl: no rows"),
        ({"interactions": iter(())}, "interactions.csv: no rows"),
        ({"items": [{"item_id": "1", "tilte": "x"}]}, "row 1: 'tilte' is not declared"),
        ({"items": [{"item_id": "1", "title": float("nan")}]}, "items.jsonl row 1"),
        ({"items": [{"item_id": "1", "title": "\ud800"}]}, "items.jsonl row 1"),
        ({"items": [{"item_id": "1", "cover": "1.png"}]}, "Received: str"),
    ],
)
def test_bad_rows_are_refused_and_leave_nothing(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path / "songs", **changes)
    assert list(tmp_path.iterdir()) == []


def test_unknown_modality_and_media_of_users_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="smell"):
        write(tmp_path / "songs", item_features={"title": {"modality": "smell"}})
    with pytest.raises(ConfigError, match="go together"):
        write(tmp_path / "songs", users=[{"user_id": "a"}])
    with pytest.raises(ConfigError, match="cannot have media"):
        face = {"face": {"modality": "image"}}
        write(tmp_path / "songs", users=[{"user_id": "a"}], user_features=face)


def test_a_folder_that_is_there_gives_way_only_when_told(tmp_path: Path):
    write(tmp_path / "songs")
    (tmp_path / "songs" / "old").touch()
    with pytest.raises(DataError, match="exists already"):
        write(tmp_path / "songs")
    assert (tmp_path / "songs" / "old").exists()
    write(tmp_path / "songs", overwrite=True)
    assert not (tmp_path / "songs" / "old").exists()


def test_a_file_is_linked_or_copied_where_that_cannot_be(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    source = tmp_path / "1.png"
    source.write_bytes(b"drawn")
    alias = tmp_path / "alias.png"
    alias.symlink_to(source)
    write(tmp_path / "linked", items=[{"item_id": "1", "cover": alias}])
    assert (tmp_path / "linked" / "cover" / "alias.png").samefile(source)
    assert not (tmp_path / "linked" / "cover" / "alias.png").is_symlink()
    monkeypatch.setattr("os.link", refuse)
    write(tmp_path / "copied", items=[{"item_id": "1", "cover": source}])
    assert (tmp_path / "copied" / "cover" / "1.png").read_bytes() == b"drawn"
    assert not (tmp_path / "copied" / "cover" / "1.png").samefile(source)
