"""Cached folders are whole, or made anew."""

import concurrent.futures
from pathlib import Path

import pytest

from tfmmrec.data.whole_folder import whole_folder


def write(folder: Path) -> None:
    (folder / "deeper").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "deeper" / "b.txt").write_text("bb")


def content(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.rglob("*.txt")}


def test_a_whole_folder_is_written_once(tmp_path):
    calls = []
    for _ in range(2):
        whole_folder(tmp_path / "x", lambda folder: (calls.append(1), write(folder)))
    assert calls == [1] and content(tmp_path / "x") == {"a.txt": "a", "b.txt": "bb"}


@pytest.mark.parametrize("lost", ["a.txt", "deeper/b.txt", "files.json"])
def test_a_folder_that_lost_a_file_is_made_anew(lost, tmp_path):
    whole_folder(tmp_path / "x", write)
    (tmp_path / "x" / lost).unlink()
    whole_folder(tmp_path / "x", write)
    assert content(tmp_path / "x") == {"a.txt": "a", "b.txt": "bb"}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    def fail(folder: Path) -> None:
        (folder / "a.txt").write_text("a")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        whole_folder(tmp_path / "x", fail)
    assert list(tmp_path.iterdir()) == []


def test_many_at_once(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("old")

    def make(_: int) -> dict[str, str]:
        return content(whole_folder(tmp_path / "x", write))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == {"a.txt": "a", "b.txt": "bb"} for found in pool.map(make, range(32)))
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
