"""records/beam_pack.py: packing on Beam gives the output of the local packer."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import yaml

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.packing import pack
from tfmmrec.data.tfrecords import shards
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.reports.data_validation.validate import check

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: tfmmrec[beam]")

from tfmmrec.data.packing.beam import BeamOptions, pack_on_beam

# Three shards of items, two of listed users, two of unlisted ones, five of histories.
SMALL = BeamOptions(rows_per_shard=10, users_per_shard=6, max_rejects=1.0)

FEATURES = {
    "title": {"modality": "text"},
    "poster": {"modality": "image"},
    "genres": {"modality": "categorical", "separator": "|"},
    "year": {"modality": "number"},
}


def picture_bytes(shade: int) -> bytes:
    out = io.BytesIO()
    PIL.Image.new("L", (8, 8), shade).save(out, format="PNG")
    return out.getvalue()


def item_line(n: int) -> str:
    # Rows 5 and 6 have the same id, as do 4 and 24. Row 8 has no id, and row 10 is truncated. Row
    # 12 has a broken image, a year that is not a number, and the id of row 1.
    special = {
        5: "i04,Again,2.png,War,1990",
        7: ",Nameless,1.png,War,1990",
        9: "i09,cut",
        11: "i00,Twelve,broken.png,Drama,soon",
        23: "i03,Late,none.png,War,1990",
    }
    return special.get(
        n, f"i{n:02d},Title {n},{n % 3}.png,{'War|Drama' if n % 2 else ''},{1980 + n}"
    )


def log_lines() -> list[str]:
    # Users u0 to u11 are in the table of users, x0 to x14 are not. All events of x14 are broken.
    lines = [f"u{n % 12},i{n * 7 % 26:02d},{1000 - n // 4},{n % 6}" for n in range(150)]
    lines += [f"x{13 - n % 14},i{n * 5 % 26:02d},{n // 9},{n % 6}" for n in range(150)]
    lines[20:20] = ["x14,i00,soon,5", "x14,nobody,5,5", "x14,i01", "u1,i02,7,many"]
    return lines


def write(folder: Path, **more: Any) -> Path:
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.png").write_bytes(picture_bytes(100 * n))
    (folder / "broken.png").write_bytes(b"no picture")
    users = [f"u{n},{'' if n == 3 else 20 + n}" for n in range(12)]
    tables = {
        "items": ["item_id,title,poster,genres,year", *(item_line(n) for n in range(26))],
        "users": ["user_id,age", *users, "u2,30"],
        "log": ["user,item,time,stars", *log_lines()],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    number = {"modality": "number"}
    content = {
        "name": "films",
        "items": {"table": "items.csv", "id": "item_id", "features": FEATURES},
        "users": {"table": "users.csv", "id": "user_id", "features": {"age": number}},
        "interactions": {
            "table": "log.csv",
            "user": "user",
            "item": "item",
            "time": "time",
            "rating": "stars",
            "positive": "stars >= 3",
        },
        "cold_items": {"share": 0.1},
        "cold_users": {"share": 0.2},
        **more,
    }
    (folder / "films.yaml").write_text(yaml.safe_dump(content))
    return folder / "films.yaml"


def texts(folder: Path) -> dict[str, bytes]:
    """Returns the contents of all files but the shards and the manifest, by path."""
    paths = [path for path in folder.rglob("*") if path.suffix in (".txt", ".json", ".jsonl")]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name != "MANIFEST.json"
    }


def records(folder: Path) -> list[bytes]:
    return [r.numpy() for path in shards(folder) for r in tf.data.TFRecordDataset(str(path))]


def assert_alike(found: Path, expected: Path) -> None:
    """Asserts that two data folders differ in the boundaries of their shards only."""
    assert texts(found) == texts(expected)
    for side in ("items", "users", *(f"interactions/{split}" for split in SPLITS)):
        assert records(found / side) == records(expected / side), side
    check(found, CheckConfig(quiet=True))
    manifests = [json.loads((folder / "MANIFEST.json").read_text()) for folder in (found, expected)]
    assert manifests[0]["counts"] == manifests[1]["counts"]
    files = {str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()}
    assert files == {*manifests[0]["files"], "MANIFEST.json"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("beam")
    dataset = write(folder / "films")
    statistics = [
        pack(dataset, folder / "local", PackConfig(max_rejects=1.0, quiet=True)),
        pack_on_beam(dataset, folder / "beam", SMALL),
    ]
    return {"dataset": dataset, "local": folder / "local", "beam": folder / "beam", "s": statistics}


def test_the_folder_equals_that_of_the_local_packer(folders):
    assert_alike(folders["beam"], folders["local"])
    assert folders["s"][0] == folders["s"][1]


def test_the_example_covers_the_special_cases(folders):
    rejects = [json.loads(line) for line in (folders["beam"] / "rejects.jsonl").open()]
    entries = [(entry["table"], entry["row"], entry["field"]) for entry in rejects]
    assert [entry for entry in entries if entry[0] != "log.csv"] == [
        ("items.csv", 6, "item_id"),
        ("items.csv", 8, "item_id"),
        ("items.csv", 10, None),
        ("items.csv", 12, "poster"),
        ("items.csv", 12, "year"),
        ("items.csv", 12, "item_id"),
        ("items.csv", 24, "item_id"),
        ("users.csv", 13, "user_id"),
    ]
    of_log = {entry[1:] for entry in entries if entry[0] == "log.csv"}
    assert {(21, "time"), (22, "item"), (23, None), (24, "stars")} <= of_log
    names = [path.name for path in shards(folders["beam"] / "items")]
    assert names == [f"part-0000{n}.tfrecord" for n in range(3)]
    dataset = Dataset(folders["beam"])
    # 26 rows minus three duplicates, one without an id and one truncated row.
    assert len(dataset.item_ids) == 21 and dataset.item_ids[3:5] == ["i03", "i04"]
    # In the order of the first valid events. The first events of x12 and x6 are of the unknown
    # items i05 and i09; their first valid events are 28 and 14 rows later. x14 has none.
    unlisted = [13, 11, 10, 9, 8, 7, 5, 4, 3, 2, 1, 0, 6, 12]
    assert dataset.user_ids == [*(f"u{n}" for n in range(12)), *(f"x{n}" for n in unlisted)]
    # 12 and 14 users in shards of 10.
    assert len(shards(folders["beam"] / "users")) == 4
    # 26 users in shards of 6.
    assert len(shards(folders["beam"] / "interactions" / "train")) == 5
    # A tenth of the items with interactions, which are all items.
    assert dataset.cold_items.sum() == 2
    assert all(len(dataset.events(split)) for split in SPLITS)
    cold = np.flatnonzero(dataset.cold_users)
    positives = np.diff(dataset.histories(SPLITS).offsets)
    # A fifth of the users with at least five positives.
    assert len(cold) == round((positives >= 5).sum() / 5) > 1 and (positives[cold] >= 5).all()
    assert not np.isin(dataset.events("train").user, cold).any()


def test_repeated_bundles_do_no_harm(folders, tmp_path):
    flags = ["--direct_runner_bundle_repeat=2"]
    pack_on_beam(folders["dataset"], tmp_path / "again", SMALL, flags=flags)
    assert_alike(tmp_path / "again", folders["beam"])


def test_no_user_table_split_by_column_and_compression(tmp_path):
    dataset = write(tmp_path / "films", users=None, split={"by": "column", "name": "part"})
    log = tmp_path / "films" / "log.csv"
    header, *lines = log.read_text().splitlines()
    parts = [f"{line},{SPLITS[n % 3]}" for n, line in enumerate(lines)]
    log.write_text("\n".join([f"{header},part", *parts]) + "\n")
    pack(dataset, tmp_path / "local", PackConfig(max_rejects=1.0, gzip=True, quiet=True))
    pack_on_beam(dataset, tmp_path / "beam", BeamOptions(max_rejects=1.0, gzip=True))
    assert texts(tmp_path / "beam") == texts(tmp_path / "local")
    for split in SPLITS:
        found, expected = (Dataset(tmp_path / name).events(split) for name in ("beam", "local"))
        assert len(found) > 50
        for column in ("user", "item", "time", "rating", "positive", "order"):
            np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    (shard,) = (tmp_path / "beam" / "items").iterdir()
    assert shard.name == "part-00000.tfrecord.gz"


@pytest.mark.parametrize("by", ["time", "random"])
def test_a_split_by_all_events_is_refused(tmp_path, by):
    dataset = write(tmp_path / "films", split={"by": by})
    with pytest.raises(ConfigError, match=rf"films\.yaml: split\.by: {by} needs all events"):
        pack_on_beam(dataset, tmp_path / "out", SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["films"]


def test_errors_equal_those_of_the_local_packer(tmp_path):
    dataset = write(tmp_path / "films")
    items = tmp_path / "films" / "items.csv"

    def message(options: BeamOptions = SMALL) -> str:
        with pytest.raises(DataError) as caught:
            pack_on_beam(dataset, tmp_path / "out", options)
        assert [path.name for path in tmp_path.iterdir()] == ["films"]
        return str(caught.value)

    assert "items.csv row 6: item_id: duplicate id 'i04'" in message(BeamOptions())
    whole = items.read_text()
    items.write_text(
        "\n".join(["item_id,title,poster,genres,year", ",Nameless,1.png,War,1"]) + "\n"
    )
    assert message().endswith(
        "items.csv: no valid row; first: items.csv row 1: item_id: the id is missing"
    )
    items.write_text(whole.replace("year", "decade", 1))
    # This error is raised in a worker.
    assert (
        message()
        == f"{items}: no column 'year'; the columns are item_id, title, poster, genres, decade"
    )
    items.write_text(whole)
    (tmp_path / "films" / "log.csv").write_text("user,item,time,stars\nu1,nobody,1,5\n")
    assert "log.csv: no valid row; first: log.csv row 1: item: unknown item" in message()


def test_the_script_packs_and_passes_options_to_beam(load_script, folders, tmp_path, capsys):
    script = load_script("beam_pack")
    beam = "--runner=FnApiRunner --direct_running_mode=multi_threading --direct_num_workers=2"
    out = tmp_path / "out"
    script.main(folders["dataset"], out=out, rows_per_shard=7, max_rejects=1.0, beam=beam)
    assert_alike(out, folders["local"])
    assert f"{out}: 21 items, 26 users" in capsys.readouterr().out


def test_kinds_are_packed_as_by_the_local_packer(tmp_path):
    dataset = write(tmp_path / "films")
    content = yaml.safe_load(dataset.read_text())
    content["interactions"] |= {"kind": "stars", "kinds": {str(n): n - 2 for n in range(6)}}
    dataset.write_text(yaml.safe_dump(content))
    statistics = pack(dataset, tmp_path / "local", PackConfig(max_rejects=1.0, quiet=True))
    assert pack_on_beam(dataset, tmp_path / "beam", SMALL) == statistics
    assert_alike(tmp_path / "beam", tmp_path / "local")
    assert set(Dataset(tmp_path / "beam").events("train").weight) == {-2, -1, 0, 1, 2, 3}
