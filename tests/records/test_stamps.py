"""records/stamps.py on a tiny sample."""

import json

import pytest

from tfmmrec.data.dataset_file import read_dataset_file
from tfmmrec.errors import DataError


@pytest.fixture(scope="module")
def stamps(load_script):
    return load_script("stamps")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    (folder / "sounds").mkdir()
    (folder / "images" / "frog.png").write_bytes(b"picture")
    (folder / "sounds" / "frog.ogg").write_bytes(b"sound")
    frog = {
        "item_id": "frog",
        "category": "animals",
        "subcategory": "animals/amphibians",
        "image": "images/frog.png",
        "text": "A frog.",
        "text_i18n": {"ja": "カエル"},
        "sound": "sounds/frog.ogg",
        "voice_en": None,
    }
    star = {"item_id": "star", "category": "space", "image": None, "text": None, "sound": None}
    lines = "".join(json.dumps(stamp) + "\n" for stamp in (frog, star))
    (folder / "items.jsonl").write_text(lines, encoding="utf-8")
    (folder / "interactions.csv").write_text("user_id,item_id,timestamp\nu1,frog,1600000000\n")
    return folder


def test_stamps_become_a_catalog(stamps, source, tmp_path):
    dataset = read_dataset_file(stamps.write_stamps(source, tmp_path / "out"))
    assert {name: m.kind for name, m in dataset.schema().items.items()} == {
        "text": "text",
        "picture": "image",
        "sound": "audio",
        "category": "categorical",
    }
    assert dataset.split == {"by": "last_out"}
    items = [
        json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_bytes().splitlines()
    ]
    assert items == [
        {
            "item_id": "frog",
            "text": "A frog.",
            "picture": "picture/frog.png",
            "sound": "sound/frog.ogg",
            "category": "animals",
        },
        {"item_id": "star", "text": None, "picture": None, "sound": None, "category": "space"},
    ]
    assert (tmp_path / "out" / "sound" / "frog.ogg").read_bytes() == b"sound"
    table = (tmp_path / "out" / "interactions.csv").read_text().splitlines()
    assert table == ["user_id,item_id,timestamp", "u1,frog,1600000000"]


def test_errors_in_the_source(stamps, source, tmp_path):
    (source / "interactions.csv").write_text("user,item\nu1,frog\n")
    with pytest.raises(DataError, match=r"interactions.csv: no column 'item_id'"):
        stamps.write_stamps(source, tmp_path / "out")
    (source / "interactions.csv").unlink()
    with pytest.raises(DataError, match=r"interactions.csv is missing"):
        stamps.write_stamps(source, tmp_path / "out")
    (source / "interactions.csv").touch()
    (source / "items.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="line 1: not a stamp"):
        stamps.write_stamps(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
