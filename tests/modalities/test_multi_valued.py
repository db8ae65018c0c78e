"""Tests of multi-valued features: splitting, validation per value, limits, derived features."""

import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import yaml

from tests.modalities.contract import PICTURE, SOUND
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.packing.row import pack_row
from tfmmrec.data.schema import create_features
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import BrokenValue, ConfigError, SomeBroken
from tfmmrec.modalities import Modality, MultiValued, create

TEXTS = {"modality": "text", "multi_valued": True}
PHOTOS = {"modality": "image", "separator": "|"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.png").write_bytes(PICTURE)
    (tmp_path / "a|b.png").write_bytes(PICTURE)
    (tmp_path / "1.wav").write_bytes(SOUND)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.parametrize(
    ("declared", "raw", "stored"),
    [
        (TEXTS, [" one ", None, "", "two"], [b"one", b"two"]),
        # Without a separator a text is one value, and those in a list are not cut.
        (TEXTS, "one|two", [b"one|two"]),
        ({**TEXTS, "separator": "|"}, ["one|two", "three"], [b"one|two", b"three"]),
        ({**TEXTS, "separator": "|"}, b"one | two||", [b"one", b"two"]),
        ({**TEXTS, "separator": " ## "}, "Синий ## 青", ["Синий".encode(), "青".encode()]),
        ({"modality": "text", "max_values": 2}, ["one", "", "two", "three"], [b"one", b"two"]),
        (TEXTS, [1, True], [b"1", b"true"]),
        (TEXTS, [" ", ""], None),
        (TEXTS, [], None),
        (PHOTOS, b"1.png|none.png|1.png", [PICTURE, PICTURE]),
        (PHOTOS, ["a|b.png"], [PICTURE]),
        (PHOTOS, "none.png", None),
        ({"modality": "audio", "multi_valued": True}, ["1.wav"], [SOUND]),
    ],
)
def test_values(declared: dict, raw: Any, stored: Any, folder: Path):
    for modality in (create(declared), create(json.loads(json.dumps(create(declared).options())))):
        assert modality == create(declared)
        assert isinstance(modality, MultiValued)
        assert modality.kind == modality.value_kind == declared["modality"]
        assert modality.reads_files == (modality.kind != "text")
        assert modality.num_values == declared.get("max_values", 8)
        assert modality.check(raw, folder) == stored


def test_what_is_broken_is_rejected_and_the_others_stay(folder: Path):
    features = create_features({"photos": PHOTOS, "reviews": TEXTS}, "items")
    row = {"id": "a", "photos": "broken.png|1.png|../x.png", "reviews": ["good", {"a": 1}, "bad"]}
    packed = pack_row(1, row, "id", features, folder)
    assert packed.values == {"photos": [PICTURE], "reviews": [b"good", b"bad"]}
    assert [field for field, _ in packed.rejects] == ["photos", "photos", "reviews"]
    first, second, third = (reason for _, reason in packed.rejects)
    assert first == "value 1: not a picture that can be decoded: 'broken.png'"
    assert second.startswith("value 3: the path leaves the folder")
    assert third.startswith("value 2: a text is expected. Received an object")
    assert packed.record == encode_example({"id": [b"a"], **packed.values})
    with pytest.raises(BrokenValue, match="value 1: not a picture"):
        features["photos"].check(["broken.png"], folder)


def test_nothing_behind_the_most_is_read(folder: Path):
    modality = create({**PHOTOS, "max_values": 1})
    assert modality.check("none.png|1.png|broken.png", folder) == [PICTURE]


def test_the_error_of_some_goes_between_processes():
    copy = pickle.loads(pickle.dumps(SomeBroken(["value 1: a", "value 2: b"], {"": [b"x"]})))
    assert str(copy) == "value 1: a; value 2: b"
    assert (copy.reasons, copy.packed) == (("value 1: a", "value 2: b"), {"": [b"x"]})


def test_steps_run_on_each_value(folder: Path):
    declared = {**TEXTS, "max_values": 2, "steps": ["clean", {"step": "tokens", "language": "en"}]}
    modality = create(declared)
    assert modality.derived() == {"tokens": create({"modality": "text", "max_values": 2})}
    packed = modality.pack(["<b>One</b>, two", "Three!"], folder)
    assert packed == {"": [b"One, two", b"Three!"], "tokens": [b"one two", b"three"]}
    with pytest.raises(ConfigError, match=r"derives sentiment \(number\) needs a feature of one"):
        create({**TEXTS, "steps": ["sentiment"]})


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({**TEXTS, "multi_valued": 3}, "multi_valued must be true or false"),
        ({**TEXTS, "max_values": 0}, "max_values must be at least 1"),
        ({**TEXTS, "max_values": "3"}, "max_values: a whole number"),
        ({**TEXTS, "separator": ""}, "separator must not be empty"),
        ({**TEXTS, "multi_valued": False, "max_values": 2}, "text has no option 'max_values'"),
        ({**TEXTS, "pixels": 2}, "text has no option 'pixels'"),
        ({"modality": "number", "multi_valued": True}, "number has no option 'multi_valued'"),
        ({"modality": "video", "multi_valued": True}, "video has no option 'multi_valued'"),
    ],
)
def test_wrong_options_are_refused(declared: dict, reason: str):
    with pytest.raises(ConfigError, match=reason):
        create(declared)
    assert not isinstance(create({"modality": "text", "multi_valued": False}), MultiValued)


def test_a_request_means_the_same_as_a_record():
    modality: Modality = create({**TEXTS, "max_values": 2})
    records = [encode_example({"x": [b"a", b"b"]}), encode_example({"id": [b"1"]})]
    parsed = tf.io.parse_example(records, {"x": modality.parsing()})["x"]
    request = tf.constant([["", "a", "b", "c"], ["", "", "", ""]])
    assert modality.signature("x").is_compatible_with(request)
    for values in (parsed, modality.from_request(request)):
        assert values.to_list() == [[b"a", b"b"], []]
        assert modality.present(values).numpy().tolist() == [True, False]


def test_sounds_are_served_as_wav(folder: Path):
    modality = create({"modality": "audio", "multi_valued": True})
    values = tf.ragged.constant([[SOUND, SOUND], []], tf.string, 1)
    served = modality.servable_values(values)
    assert served.row_lengths().numpy().tolist() == [2, 0]
    assert all(value.startswith(b"RIFF") for value in served.flat_values.numpy())
    dense = modality.servable_values(tf.constant([[SOUND, b""]]))
    assert dense.shape == [1, 2] and dense[0, 1].numpy() == b""


def test_a_catalogue_takes_lists_of_media(tmp_path: Path):
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(PICTURE + name.encode())
    sources = [tmp_path / name / "1.png" for name in "abc"]
    write_catalog(
        tmp_path / "out",
        name="x",
        items=[{"item_id": "1", "photos": [*sources, ("2.png", b"2"), tmp_path / "none.png"]}],
        item_features={"photos": PHOTOS},
        interactions=[{"user_id": "a", "item_id": "1", "timestamp": 1}],
    )
    photos = json.loads((tmp_path / "out" / "items.jsonl").read_text())["photos"]
    assert photos[-1] is None
    contents = [(tmp_path / "out" / photo).read_bytes()[len(PICTURE) :] for photo in photos[:3]]
    assert contents == [b"a", b"b", b"c"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_every_form_of_table_gives_the_same(suffix: str, folder: Path):
    table = folder / f"items.{suffix}"
    if suffix == "csv":
        table.write_text("id,photos\na,1.png|broken.png|1.png\nb,\n")
    elif suffix == "jsonl":
        rows = [{"id": "a", "photos": ["1.png", "broken.png", "1.png"]}, {"id": "b"}]
        table.write_text("\n".join(map(json.dumps, rows)))
    else:
        photos = [["1.png", "broken.png", "1.png"], None]
        pq.write_table(pa.table({"id": ["a", "b"], "photos": photos}), table)
    (folder / "log.csv").write_text("user,item\nu,a\n")
    content = {
        "items": {"table": table.name, "id": "id", "features": {"photos": PHOTOS}},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(max_rejects=1.0, quiet=True))
    dataset = Dataset(folder / "data")
    (batch,) = dataset.values("items", "photos", batch_size=8)
    assert batch.to_list() == [[PICTURE, PICTURE], []]
    counts = dataset.statistics["items"]["features"]["photos"]
    # Of the first row one of three pictures is invalid; the second row has none.
    assert (counts["present"], counts["missing"], counts["rejected"]) == (1, 1, 1)
    (line,) = (folder / "data" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"].startswith("value 2: not a picture")
