"""Tests of interrupted packing: it resumes after the last complete shard, with the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.packing.journal import Journal
from tfmmrec.errors import DataError

# Ten texts of some 200 bytes a shard, and one bucket of users a shard.
OPTIONS = PackConfig(shard_bytes=2000, max_rejects=1.0, quiet=True)
NUM_ITEMS, NUM_USERS = 60, 20


def write(folder: Path, num_items: int = NUM_ITEMS) -> Path:
    folder.mkdir()
    # Every seventh item repeats an id, every fifth has no number, and one row is cut off.
    items = [
        f"i{n - n % 7 // 6},{'word ' * 30}{n},{'x' if n % 5 == 0 else n},a|b" if n != 31 else "i31"
        for n in range(num_items)
    ]
    users = [f"u{n},{n}" for n in range(NUM_USERS)]
    log = [f"u{n % 25},i{n % num_items},{n}" for n in range(400)]
    for name, header, lines in (
        ("items", "id,title,year,genres", items),
        ("users", "id,age", users),
        ("log", "user,item,time", log),
    ):
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    number = {"modality": "number"}
    features = {
        "title": {"modality": "text"},
        "year": number,
        "genres": {"modality": "categorical", "separator": "|"},
    }
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "users": {"table": "users.csv", "id": "id", "features": {"age": number}},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "time"},
        "cold_items": {"share": 0.1},
        "cold_users": {"share": 0.2},
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(content))
    return folder / "data.yaml"


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


class Stopped(BaseException):
    """Stands for a kill: nothing catches it."""


def pack_until(monkeypatch: Any, dataset: Path, out: Path, num_notes: int) -> bool:
    """Packs until so many notes are written; returns whether that was before the end."""
    written = []

    def write_note(self: Journal, *note: Any) -> None:
        if len(written) == num_notes:
            raise Stopped
        written.append(note)
        Journal_write(self, *note)

    Journal_write = Journal.write
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", write_note)
        try:
            pack(dataset, out, OPTIONS)
        except Stopped:
            return True
    return False


def test_a_stop_behind_any_shard_ends_with_the_same_bytes(monkeypatch, tmp_path):
    dataset = write(tmp_path / "films")
    pack(dataset, tmp_path / "whole", OPTIONS)
    expected = contents(tmp_path / "whole")
    shards = [name for name in expected if name.startswith("items/")]
    assert len(shards) > 3, "the example needs several shards"
    # A fifth of the 25 users, who have sixteen positives each, less those of items without an id.
    assert expected["vocabulary/cold_user_ids.txt"].count(b"\n") == 5
    num_notes = 0
    while pack_until(monkeypatch, dataset, tmp_path / f"{num_notes}", num_notes):
        out = tmp_path / f"{num_notes}"
        assert not out.exists()
        pack(dataset, out, OPTIONS)
        assert contents(out) == expected
        num_notes += 1
    # A note for each shard of items and users, one for the reading, one for the histories.
    assert num_notes > len(shards) + 2
    assert not list(tmp_path.glob(".*")), "what was kept for going on is left behind"


def test_a_table_of_several_files_resumes_in_the_right_file(monkeypatch, tmp_path):
    dataset = write(tmp_path / "films")
    table = tmp_path / "films" / "items.csv"
    header, *lines = table.read_text().splitlines()
    table.unlink()
    table.mkdir()
    for part, start in enumerate(range(0, NUM_ITEMS, 20)):
        text = "\n".join([header, *lines[start : start + 20]])
        (table / f"part-{part}.csv").write_text(text + "\n")
    pack(dataset, tmp_path / "whole", OPTIONS)
    expected = contents(tmp_path / "whole")
    # Row 31 of the table is cut off: the second file has rows 20 to 39.
    cut = b'{"table": "items.csv/part-1.csv", "row": 12, "field": null,'
    assert cut in expected["rejects.jsonl"]
    for num_notes in (2, 4):
        out = tmp_path / f"{num_notes}"
        assert pack_until(monkeypatch, dataset, out, num_notes)
        pack(dataset, out, OPTIONS)
        assert contents(out) == expected


def test_what_is_done_is_not_done_again(monkeypatch, tmp_path):
    dataset = write(tmp_path / "films")
    assert pack_until(monkeypatch, dataset, tmp_path / "out", 3)
    first = tmp_path / ".out.partial" / "folder" / "items" / "part-00000.tfrecord"
    before = first.stat().st_mtime_ns
    assert pack_until(monkeypatch, dataset, tmp_path / "out", 2)
    assert first.stat().st_mtime_ns == before


def test_another_input_begins_anew(monkeypatch, tmp_path):
    dataset = write(tmp_path / "films")
    assert pack_until(monkeypatch, dataset, tmp_path / "out", 3)
    table = tmp_path / "films" / "items.csv"
    table.write_text(table.read_text().replace("word", "verb"))
    pack(dataset, tmp_path / "out", OPTIONS)
    pack(dataset, tmp_path / "other", OPTIONS)
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_two_packs_to_one_place_are_refused(tmp_path):
    import fcntl

    dataset = write(tmp_path / "films")
    (tmp_path / ".out.partial").mkdir()
    with (tmp_path / ".out.partial" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process is writing it"):
            pack(dataset, tmp_path / "out", OPTIONS)
    pack(dataset, tmp_path / "out", OPTIONS)


def test_a_killed_process_leaves_no_folder_and_can_go_on(tmp_path):
    dataset = write(tmp_path / "films", num_items=20_000)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tfmmrec", "pack", str(dataset), "--out", str(out)]
    command += ["--shard-bytes", "20000", "--max-rejects", "1", "--quiet"]
    process = subprocess.Popen(command, start_new_session=True)
    notes = tmp_path / ".out.partial" / "notes" / "items"
    until = time.monotonic() + 120
    while not (notes.is_dir() and len(list(notes.glob("*.json"))) > 2):
        assert process.poll() is None and time.monotonic() < until, "nothing to kill"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    options = PackConfig(shard_bytes=20_000, max_rejects=1.0, quiet=True)
    pack(dataset, out, options)
    pack(dataset, tmp_path / "whole", options)
    assert contents(out) == contents(tmp_path / "whole")


def test_compressed_shards_read_the_same(tmp_path):
    import dataclasses

    from tfmmrec.data.dataset import Dataset

    dataset = write(tmp_path / "films")
    pack(dataset, tmp_path / "plain", OPTIONS)
    pack(dataset, tmp_path / "small", dataclasses.replace(OPTIONS, gzip=True))
    plain, small = Dataset(tmp_path / "plain"), Dataset(tmp_path / "small")
    pack(dataset, tmp_path / "again", dataclasses.replace(OPTIONS, gzip=True))
    assert contents(tmp_path / "again") == contents(tmp_path / "small")
    names = {path.suffix for path in (tmp_path / "small" / "items").iterdir()}
    assert names == {".gz"}

    def titles(dataset: Dataset) -> list[bytes]:
        batches = dataset.values("items", "title", 16)
        return [title for batch in batches for title in batch.numpy().tolist()]

    assert titles(small) == titles(plain)
    assert small.events("train").item.tolist() == plain.events("train").item.tolist()
    sizes = {
        name: sum(path.stat().st_size for path in (tmp_path / name / "items").iterdir())
        for name in ("plain", "small")
    }
    assert sizes["small"] < sizes["plain"] / 2
