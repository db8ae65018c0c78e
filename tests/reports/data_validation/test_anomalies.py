"""Tests of anomalies: each is made by hand; a valid folder has none."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.data.storage import DATA_FORMAT
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.errors import DataError
from tfmmrec.reports.data_validation.anomalies import Anomalies, Anomaly
from tfmmrec.reports.data_validation.console import all_tables
from tfmmrec.reports.data_validation.validate import check, examine

QUIET = CheckConfig(quiet=True)
ITEMS = "items/part-00000.tfrecord"
TRAIN = "interactions/train/part-00000.tfrecord"


def anomalies(folder: Path, **options: Any) -> list[str]:
    lines = examine(folder, CheckConfig(quiet=True, **options)).anomalies.lines()
    # Every line names a file within the folder and says what to do.
    assert all(line.startswith(f"{folder}/") and "; " in line for line in lines), lines
    return [line.removeprefix(f"{folder}/") for line in lines]


def records(path: Path) -> list[tf.train.Example]:
    stream = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [tf.train.Example.FromString(record) for record in stream]


def rewrite(path: Path, examples: list[Any]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(example if isinstance(example, bytes) else example.SerializeToString())


def test_the_whole_folder_has_no_faults(packed):
    assert anomalies(packed) == []
    assert anomalies(packed, media=True) == []


def test_the_cache_of_encoders_is_no_fault(data):
    (data / "cache").mkdir()
    (data / "cache" / "titles.npy").write_bytes(b"anything")
    assert anomalies(data) == []


def test_a_flipped_byte(data):
    path = data / ITEMS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    found = anomalies(data)
    assert found[0] == (f"{ITEMS}: the checksum differs from MANIFEST.json; pack the data again")
    assert re.match(rf"{ITEMS}: cannot be read past record \d: .*; pack the data again", found[1])
    # The counts of what cannot be read would only repeat it.
    assert len(found) == 2


def test_a_flipped_byte_in_any_file_is_found_and_is_no_bug(data):
    for path in sorted(data.rglob("*")):
        whole = path.read_bytes() if path.is_file() else b""
        if whole and path.name != "MANIFEST.json":
            middle = len(whole) // 2
            # The highest bit, so that text is no UTF-8 any more.
            flipped = bytes([whole[middle] ^ 0x80])
            path.write_bytes(whole[:middle] + flipped + whole[middle + 1 :])
            name = path.relative_to(data).as_posix()
            assert f"{name}: the checksum differs" in anomalies(data)[0]
            path.write_bytes(whole)
    assert anomalies(data) == []


def test_a_file_that_may_not_be_read(data, monkeypatch):
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tfmmrec.reports.data_validation.checksums.checksum", refuse)
    assert anomalies(data)[0].endswith(": cannot be read: Permission denied; check its permissions")


def test_a_missing_and_an_extra_file(data):
    (data / "vocabulary" / "items.genres.txt").unlink()
    (data / "items" / "notes.txt").write_text("mine")
    found = anomalies(data)
    assert found[:3] == [
        "vocabulary/items.genres.txt: the file is missing; pack the data again",
        "vocabulary/items.genres.txt: it has 0 lines, but items.features.genres.categories is 3 "
        "in statistics.json; pack the data again",
        "items/notes.txt: not in MANIFEST.json; remove the file or pack the data again",
    ]
    # Without the vocabulary, no category is known: all four items with genres are named.
    assert sum("is not in its vocabulary" in line for line in found) == 4


@pytest.mark.parametrize("name", ["schema.json", "statistics.json"])
def test_a_file_without_which_the_folder_cannot_be_opened(name, data):
    (data / name).unlink()
    found = anomalies(data)
    assert found[0] == f"{name}: the file is missing; pack the data again"
    assert found[1].startswith("MANIFEST.json: the folder cannot be opened: ")
    assert len(found) == 2


def test_two_ids_exchanged_in_the_vocabulary(data, update_checksum):
    path = data / "vocabulary" / "item_ids.txt"
    assert path.read_text() == "a\nb\nc\nd\nf\n"
    path.write_text("a\nc\nb\nd\nf\n")
    update_checksum("vocabulary/item_ids.txt")
    assert anomalies(data) == [
        f"{ITEMS}: record 2 has the id 'b', but line 2 of vocabulary/item_ids.txt is 'c'; "
        "pack the data again",
        f"{ITEMS}: record 3 has the id 'c', but line 3 of vocabulary/item_ids.txt is 'b'; "
        "pack the data again",
    ]


def test_an_id_too_few_in_the_vocabulary(data, update_checksum):
    path = data / "vocabulary" / "user_ids.txt"
    assert path.read_text() == "u1\nu2\nu3\n"
    path.write_text("u1\nu2\n")
    update_checksum("vocabulary/user_ids.txt")
    found = anomalies(data)
    assert (
        "vocabulary/user_ids.txt: it has 2 ids, but users/ has 3 records; pack the data again"
        in found
    )
    # u3, row 2, has an event in train.
    assert any("user row 2, but there are 2 users" in line for line in found)


def test_a_record_that_stands_twice(data, update_checksum):
    examples = records(data / ITEMS)
    rewrite(data / ITEMS, [*examples, examples[0]])
    update_checksum(ITEMS)
    found = anomalies(data)
    assert f"{ITEMS}: record 6 repeats the id 'a'; pack the data again" in found
    assert "MANIFEST.json: counts.items is 5, but there are 6; pack the data again" in found
    # Titles: all but b's, and a's once more.
    where = "statistics.json: items.features.title.present is 4, but there are 5 values"
    assert f"{where}; pack the data again" in found


def test_records_that_do_not_parse(data, update_checksum):
    examples: list[Any] = list(records(data / ITEMS))
    # A year that is text, and no Example at all.
    examples[2] = encode_example({"id": [b"c"], "year": [b"soon"]})
    examples[4] = b"\xff\xff"
    rewrite(data / ITEMS, examples)
    update_checksum(ITEMS)
    found = anomalies(data)
    assert len(found) == 2
    assert found[0].startswith(f"{ITEMS}: record 3 does not parse by schema.json: ")
    assert found[1].startswith(f"{ITEMS}: record 5 does not parse by schema.json: ")


def test_values_that_are_wrong(data, update_checksum):
    examples = records(data / ITEMS)
    examples[0].features.feature["title"].bytes_list.value[:] = [b"\xff"]
    examples[2].features.feature["genres"].bytes_list.value[:] = [b"Opera"]
    examples[2].features.feature["poster"].bytes_list.value[:] = [b"no picture"]
    rewrite(data / ITEMS, examples)
    update_checksum(ITEMS)
    title = f"{ITEMS}: record 1: title: not valid UTF-8: invalid start byte; pack the data again"
    genre = "record 3: genres: the category 'Opera' is not in its vocabulary"
    assert sorted(anomalies(data)) == [title, f"{ITEMS}: {genre}; pack the data again"]
    found = anomalies(data, media=True)
    assert len(found) == 3
    assert f"{ITEMS}: record 3: poster: not a picture that can be decoded; pack the data again" in (
        found
    )


def event(user: int, **columns: list) -> bytes:
    items = columns["item"]
    values: dict[str, Any] = {
        "time": [0] * len(items),
        "rating": [5.0] * len(items),
        "positive": [1] * len(items),
        **columns,
    }
    return encode_example(
        {
            "user": np.array([user]),
            **{name: v if name == "rating" else np.array(v) for name, v in values.items()},
        }
    )


def test_events_beyond_the_items_and_users(data, update_checksum):
    rewrite(
        data / TRAIN,
        [
            event(0, item=[0, 1, 5], order=[0, 1, 2]),
            event(1, item=[0], order=[0]),
            event(3, item=[-1], order=[0]),
        ],
    )
    update_checksum(TRAIN)
    found = anomalies(data)
    for problem in (
        "record 1: item row 5, but there are 5 items",
        "record 3: item row -1, but there are 5 items",
        "record 3: user row 3, but there are 3 users",
    ):
        assert f"{TRAIN}: {problem}; pack the data again" in found
    # Five events as before, but u2's one is positive now: six positives became seven.
    assert "statistics.json: interactions.positives is 6, but there are 7; pack the data again" in (
        found
    )
    assert len(found) == 4


def test_events_out_of_order_or_twice_or_of_unequal_length(data, update_checksum):
    # u1's fourth event, order 3, is valid; its fifth, order 4, test.
    rewrite(
        data / TRAIN,
        [
            event(0, item=[0, 1, 2], order=[1, 0, 3]),
            event(1, item=[0], order=[0], positive=[2]),
            event(2, item=[2], order=[0], time=[1, 2]),
        ],
    )
    update_checksum(TRAIN)
    assert anomalies(data) == [
        f"{TRAIN}: record 2: positive must be 0 or 1. Received: 2; pack the data again",
        f"{TRAIN}: record 1: order 0 follows 1; it must increase; pack the data again",
        f"{TRAIN}: record 3 has 1 items, but 2 values of time; pack the data again",
        "interactions/valid: event 3 of user row 0 is in train and in valid; pack the data again",
    ]


def test_cold_items_that_are_unknown_or_stand_in_train(data, update_checksum):
    name = "vocabulary/cold_item_ids.txt"
    # d was chosen once, in valid; f once, in test.
    (data / name).write_text("d\nf\nzz\n")
    update_checksum(name)
    assert anomalies(data) == [
        "interactions/valid/part-00000.tfrecord: record 1: item row 3 is cold; "
        "only test may contain it; pack the data again",
        f"{name}: 'zz' is not the id of any item; pack the data again",
    ]


def test_cold_users_that_are_unknown_or_stand_in_train(data, update_checksum):
    name = "vocabulary/cold_user_ids.txt"
    # u1 has three events in train, one in valid and one in test.
    (data / name).write_text("u1\nzz\n")
    update_checksum(name)
    problem = "user row 0 is cold; only test may contain it; pack the data again"
    assert anomalies(data) == [
        *[f"{TRAIN}: record 1: {problem}"] * 3,
        f"interactions/valid/part-00000.tfrecord: record 1: {problem}",
        f"{name}: 'zz' is not the id of any user; pack the data again",
    ]
    # What it knows of is counted all the same.
    [table] = [t for t in all_tables(examine(data, QUIET)) if t.title == "Events per user and item"]
    assert [row[-1] for row in table.rows] == ["1", "0"]


def test_rejects_that_are_no_rejects(data, update_checksum):
    path = data / "rejects.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["no json", *lines[1:]]) + "\n")
    update_checksum("rejects.jsonl")
    assert anomalies(data) == [
        "rejects.jsonl: line 1 must be an object with field, reason, row, table; "
        "pack the data again"
    ]
    path.write_text("\n".join(lines[1:]) + "\n")
    update_checksum("rejects.jsonl")
    # A broken picture, a repeated id, no number, an unknown item: four less one.
    assert anomalies(data) == [
        "MANIFEST.json: counts.rejects is 4, but there are 3; pack the data again",
        "statistics.json: rejects.count is 4, but there are 3; pack the data again",
    ]


def test_compressed_shards_are_read(data):
    path = data / ITEMS
    with tf.io.TFRecordWriter(f"{path}.gz", "GZIP") as writer:
        for example in records(path):
            writer.write(example.SerializeToString(deterministic=True))
    path.unlink()
    manifest = json.loads((data / "MANIFEST.json").read_text())
    entry = manifest["files"].pop(ITEMS)
    manifest["files"][f"{ITEMS}.gz"] = entry
    (data / "MANIFEST.json").write_text(json.dumps(manifest))
    assert anomalies(data) == [
        f"{ITEMS}.gz: the checksum differs from MANIFEST.json; pack the data again"
    ]
    # Cut off, it is told by name.
    whole = gzip.decompress(Path(f"{path}.gz").read_bytes())
    Path(f"{path}.gz").write_bytes(gzip.compress(whole[:-5]))
    found = anomalies(data)
    assert found[1].startswith(f"{ITEMS}.gz: cannot be read past record 4: ")


def test_many_faults_of_a_kind_are_counted_but_not_all_listed(tmp_path):
    collected = Anomalies(tmp_path, max_kept=2)
    for number in range(5):
        collected.add(Anomaly("items/a", f"record {number}\nis wrong", category="values"))
    collected.add(Anomaly("items/b", "it is wrong", "mend it"))
    assert collected.total == 6
    assert collected.lines() == [
        f"{tmp_path}/items/a: record 0 is wrong; pack the data again",
        f"{tmp_path}/items/a: record 1 is wrong; pack the data again",
        f"{tmp_path}/items/a: 3 more of this kind (values)",
        f"{tmp_path}/items/b: it is wrong; mend it",
    ]


def test_check_prints_all_faults_and_raises_the_first(data, capsys):
    (data / "items" / "notes.txt").write_text("mine")
    (data / "vocabulary" / "cold_item_ids.txt").unlink()
    with pytest.raises(DataError, match=r"cold_item_ids\.txt: the file is missing.*\(2 anomalies"):
        check(data, QUIET)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{data}: 2 anomalies"
    assert len(lines) == 3 and "notes.txt: not in MANIFEST.json" in lines[2]


def test_a_manifest_that_lists_nothing(data):
    for content in ("{}", '{"files": {"schema.json": {}}}', '{"files": []}'):
        content = json.dumps({"format": DATA_FORMAT, **json.loads(content)})
        (data / "MANIFEST.json").write_text(content)
        with pytest.raises(
            DataError, match=r"MANIFEST\.json: it must list the files with their checksums; pack"
        ):
            check(data, QUIET)
