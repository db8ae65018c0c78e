"""Tests of a full disk: an error of one line, no data folder, resumption afterwards."""

import errno
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.packing.journal import Journal
from tfmmrec.errors import StorageError

OPTIONS = PackConfig(shard_bytes=100_000, quiet=True)


def write(folder: Path) -> Path:
    folder.mkdir()
    items = "".join(f"i{n},{'word ' * 400}{n}\n" for n in range(500))
    (folder / "items.csv").write_text("id,title\n" + items)
    (folder / "log.csv").write_text("user,item\n" + "".join(f"u{n},i{n}\n" for n in range(500)))
    text = {"modality": "text"}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": {"title": text}},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "data.yaml").write_text(yaml.safe_dump(content))
    return folder / "data.yaml"


def test_a_note_that_cannot_be_written_is_told_in_one_line(monkeypatch: Any, tmp_path: Path):
    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    dataset = write(tmp_path / "films")
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", full)
        with pytest.raises(StorageError, match=r"out: cannot be written: No space left .* resume"):
            pack(dataset, tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()
    pack(dataset, tmp_path / "out", OPTIONS)


def test_a_small_disk_and_then_a_larger_one(tmp_path: Path):
    dataset = write(tmp_path / "films")
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small disk needs rights that this user has not")

    # The texts are a megabyte.
    mount("500k")
    try:
        with pytest.raises(StorageError, match="No space left on device") as caught:
            pack(dataset, disk / "out", OPTIONS)
        assert "\n" not in str(caught.value) and "part-0000" in str(caught.value)
        assert [entry.name for entry in disk.iterdir()] == [".out.partial"]
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        pack(dataset, disk / "out", OPTIONS)
        pack(dataset, tmp_path / "whole", OPTIONS)
        for name in ("MANIFEST.json", "items/part-00000.tfrecord"):
            assert (disk / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
