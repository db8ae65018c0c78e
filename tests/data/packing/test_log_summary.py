"""What packing says about the log: its times, positives and repeats, here and on Beam."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.packing.log_summary import log_lines


def write(folder: Path, times: list[str], **more: str) -> Path:
    folder.mkdir()
    (folder / "items.csv").write_text("id,title\n" + "".join(f"i{n},T\n" for n in range(5)))
    # The items of the user are i0 to i4, and i0 again.
    rows = [f"u,i{n % 5},{time}\n" for n, time in enumerate(times)]
    (folder / "log.csv").write_text("user,item,time\n" + "".join(rows))
    log = {"table": "log.csv", "user": "user", "item": "item", "time": "time", **more}
    items = {"table": "items.csv", "id": "id", "features": {"title": {"modality": "text"}}}
    (folder / "d.yaml").write_text(yaml.safe_dump({"items": items, "interactions": log}))
    return folder / "d.yaml"


def packed_lines(folder: Path, times: list[str], **more: str) -> list[str]:
    dataset = write(folder / "tables", times, **more)
    return log_lines(pack(dataset, folder / "data", PackConfig(quiet=True))["interactions"])


def test_dates_as_whole_numbers_and_a_repeat(tmp_path):
    times = [f"202204{day:02d}" for day in range(8, 14)]
    assert packed_lines(tmp_path, times) == [
        "times from 2022-04-08 to 2022-04-13 (UTC)",
        "repeats: 1 of 1 in test are items that the user chose before; they are not evaluated and "
        "never recommended; if users want again what they chose (songs, groceries), set "
        "interactions.repeats: allow",
    ]
    (tmp_path / "allowed").mkdir()
    assert packed_lines(tmp_path / "allowed", times, repeats="allow")[-1] == (
        "repeats: 1 of 1 in test are items that the user chose before; they are evaluated and "
        "recommended (interactions.repeats: allow)"
    )


def test_few_repeats_get_no_advice():
    log = {"test": 20, "valid": 20, "test_repeats": 2, "valid_repeats": 0}
    (line,) = log_lines(log)
    assert line.endswith("chose before; they are not evaluated")


def test_counters_get_a_hint_unless_they_are_said_to_be_an_order(tmp_path):
    (tmp_path / "a").mkdir()
    lines = packed_lines(tmp_path / "a", ["1", "2", "3"])
    assert lines[0] == "times from 1970-01-01 00:00 to 1970-01-01 00:00 (UTC)"
    assert lines[1].startswith("hint: the log begins before 1990; if")
    (tmp_path / "b").mkdir()
    assert packed_lines(tmp_path / "b", ["1", "2", "3"], time_format="order") == []


def test_without_times_the_order_is_said_to_be_arbitrary(tmp_path):
    dataset = write(tmp_path / "tables", ["1", "2"])
    content = yaml.safe_load(dataset.read_text())
    del content["interactions"]["time"]
    dataset.write_text(yaml.safe_dump(content))
    (line,) = log_lines(pack(dataset, tmp_path / "data", PackConfig(quiet=True))["interactions"])
    assert line.startswith("no times: the order of a user's events is arbitrary")


def with_users(dataset: Path, ids: list[str]) -> Path:
    rows = "".join(f"{identity},30\n" for identity in ids)
    (dataset.parent / "users.csv").write_text(f"id,age\n{rows}")
    content = yaml.safe_load(dataset.read_text())
    age = {"age": {"modality": "number"}}
    content["users"] = {"table": "users.csv", "id": "id", "features": age}
    dataset.write_text(yaml.safe_dump(content))
    return dataset


@pytest.mark.parametrize(
    ("ids", "line"),
    [
        (
            ["U", "v"],
            "users: 1 in the log are not in the user table, and have no features; 'u' "
            "resembles 'U', ids must be equal",
        ),
        (["v"], "users: 1 in the log are not in the user table, and have no features"),
        (["u", "v"], None),
    ],
)
def test_users_of_the_log_without_a_row_are_counted(tmp_path, ids, line):
    dataset = with_users(write(tmp_path / "tables", ["1577836800"]), ids)
    packed = pack(dataset, tmp_path / "data", PackConfig(quiet=True))
    # The span of the log's one time, and a hint that it is less than a day.
    assert log_lines(packed["interactions"])[2:] == ([line] if line else [])


def with_plays(dataset: Path, plays: list[str], **keys: str) -> Path:
    """Adds a column to the log, and a rule on it."""
    log = dataset.parent / "log.csv"
    values = ["plays", *plays]
    rows = zip(log.read_text().splitlines(), values, strict=True)
    log.write_text("".join(f"{row},{value}\n" for row, value in rows))
    content = yaml.safe_load(dataset.read_text())
    content["interactions"] |= {"positive": "plays > 50", **keys}
    dataset.write_text(yaml.safe_dump(content))
    return dataset


def test_events_without_the_value_that_the_rule_needs_are_counted(tmp_path):
    times = [f"202204{day:02d}" for day in range(8, 12)]
    dataset = with_plays(write(tmp_path / "a", times), ["51", "NA", "", "50"], missing="NA")
    packed = pack(dataset, tmp_path / "D", PackConfig(quiet=True))["interactions"]
    assert packed["positives"] == 1 and log_lines(packed)[1:] == [
        "positives: 2 of 4 events do not count as positives because a value that the rule needs is "
        "missing"
    ]
    dataset = with_plays(write(tmp_path / "b", times), ["51", "1", "52", "50"])
    packed = pack(dataset, tmp_path / "E", PackConfig(quiet=True))["interactions"]
    assert packed["positives"] == 2 and len(log_lines(packed)) == 1


def test_beam_says_the_same(tmp_path):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: tfmmrec[beam]")
    from tfmmrec.data.packing.beam import pack_on_beam

    times = [f"{day}/04/2022" for day in range(8, 14)]
    dataset = write(tmp_path / "tables", times, time_format="%d/%m/%Y")
    with_plays(with_users(dataset, ["U"]), ["60"] * 5 + ["NA"], missing="NA")
    local = pack(dataset, tmp_path / "local", PackConfig(quiet=True))
    assert pack_on_beam(dataset, tmp_path / "beam") == local
    times_line, users_line, positives_line = log_lines(local["interactions"])
    assert times_line == "times from 2022-04-08 to 2022-04-13 (UTC)"
    assert users_line.startswith("users: 1 in the log are not in the user table")
    assert positives_line.startswith(
        "positives: 1 of 6 events do not count as positives because a value"
    )


def test_kinds_are_counted_and_the_targets_named(tmp_path):
    from tfmmrec.data.dataset import Dataset

    dataset = write(tmp_path / "tables", [str(n) for n in range(1, 7)])
    rows = (dataset.parent / "log.csv").read_text().splitlines()
    kinds = ["kind", "view", "view", "buy", "skip", "view", "buy"]
    lines = [f"{row},{kind}" for row, kind in zip(rows, kinds, strict=True)]
    (dataset.parent / "log.csv").write_text("\n".join(lines) + "\n")
    content = yaml.safe_load(dataset.read_text())
    content["interactions"] |= {"kind": "kind", "kinds": {"view": 0.1, "buy": 1, "skip": -1}}
    dataset.write_text(yaml.safe_dump(content, sort_keys=False))
    statistics = pack(dataset, tmp_path / "data", PackConfig(quiet=True))
    # What was viewed can be bought: it is no repeat.
    assert log_lines(statistics["interactions"])[-2:] == [
        "kinds: 3 view (weight 0.1), 2 buy (weight 1), 1 skip (weight -1)",
        "targets of valid and test: buy, the largest weight; the other positives are in histories "
        "and in training",
    ]
    data = Dataset(tmp_path / "data")
    assert data.schema.kinds.names == ["view", "buy", "skip"]
    train, test = data.events("train"), data.events("test")
    assert (train.kind.tolist(), test.kind.tolist()) == ([0, 0, 1, 2, 0], [1])
    np.testing.assert_allclose(train.weight, [0.1, 0.1, 1, -1, 0.1])


def test_records_of_a_log_without_kinds_have_none(tmp_path):
    import tensorflow as tf

    from tfmmrec.data.tfrecords import shards

    pack(write(tmp_path / "tables", ["1", "2"]), tmp_path / "data", PackConfig(quiet=True))
    [shard] = shards(tmp_path / "data" / "interactions" / "train")
    [record] = tf.data.TFRecordDataset(str(shard)).as_numpy_iterator()
    names = tf.train.Example.FromString(record).features.feature.keys()
    assert set(names) == {"user", "item", "time", "rating", "positive", "order"}
    schema = json.loads((tmp_path / "data" / "schema.json").read_text())
    assert schema["interactions"] == {"time": True, "rating": False}
