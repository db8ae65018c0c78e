"""Atomic writes of files and folders, fingerprints, manifests and format numbers."""

import hashlib
import json

import pytest

from tfmmrec.data.storage import (
    atomic_folder,
    atomic_write,
    check_format,
    checksum,
    fingerprint,
    read_json,
    read_manifest,
    remove_folder,
    scratch_folder,
    shared_folder,
    write_json,
    write_manifest,
    write_text,
)
from tfmmrec.errors import DataError


def test_a_folder_appears_when_the_block_ends_and_not_before(tmp_path):
    out = tmp_path / "new" / "out"
    with atomic_folder(out) as partial:
        (partial / "a").write_text("a")
        assert not out.exists()
    assert (out / "a").read_text() == "a"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_nothing(tmp_path, error):
    with pytest.raises(error), atomic_folder(tmp_path / "out") as partial:
        (partial / "a").write_text("a")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_work_is_gone_at_the_end_whatever_happens(tmp_path):
    (tmp_path / "out").write_text("earlier")
    with scratch_folder(tmp_path / "out") as scratch:
        (scratch / "a").write_text("a")
        assert scratch.parent == tmp_path and scratch.name.startswith(".out.")
    with pytest.raises(ValueError, match="on the way"), scratch_folder(tmp_path / "out"):
        raise ValueError("on the way")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "earlier"


def test_what_is_there_is_refused_and_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    (tmp_path / "file").write_text("old")
    for name in ("out", "file"):
        with (
            pytest.raises(DataError, match=f"{name}: exists already"),
            atomic_folder(tmp_path / name),
        ):
            pytest.fail("the block ran")
    with (
        pytest.raises(DataError, match="file: exists already"),
        atomic_folder(tmp_path / "file", replace=True),
    ):
        pytest.fail("the block ran")
    assert (tmp_path / "out" / "old").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out"]


def test_an_empty_folder_does_no_harm_and_replace_takes_the_place(tmp_path):
    (tmp_path / "out").mkdir()
    with atomic_folder(tmp_path / "out") as partial:
        (partial / "old").touch()
    with atomic_folder(tmp_path / "out", replace=True) as partial:
        (partial / "new").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_a_replacement_that_fails_keeps_the_old(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with pytest.raises(ValueError), atomic_folder(tmp_path / "out", replace=True):
        raise ValueError
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]


def test_others_may_read_the_folder(tmp_path):
    with atomic_folder(tmp_path / "out"):
        pass
    plain = tmp_path / "plain"
    plain.mkdir()
    assert (tmp_path / "out").stat().st_mode == plain.stat().st_mode


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataError, match=r"file/out: cannot be created"),
        atomic_folder(tmp_path / "file" / "out"),
    ):
        pytest.fail("the block ran")


def test_json_comes_back_and_broken_json_is_named(tmp_path):
    write_json(tmp_path / "a.json", {"имя": [1, None]})
    assert read_json(tmp_path / "a.json") == {"имя": [1, None]}
    assert "имя" in (tmp_path / "a.json").read_text(encoding="utf-8")
    (tmp_path / "b.json").write_text("{")
    for name in ("b.json", "none.json"):
        with pytest.raises(DataError, match=f"{name}: cannot be read"):
            read_json(tmp_path / name)


def test_the_manifest_lists_every_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"")
    write_manifest(tmp_path, {"items": 3})
    content = json.loads((tmp_path / "MANIFEST.json").read_text())
    assert content == read_manifest(tmp_path)
    assert content["format"] == 3
    assert content["counts"] == {"items": 3}
    assert content["files"] == {
        "b": {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()},
        "sub/a": {"bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()},
    }
    assert checksum(tmp_path / "sub" / "a") == hashlib.sha256(b"abc").hexdigest()


def test_of_two_that_make_a_shared_folder_the_first_stays(tmp_path):
    path = tmp_path / "new" / "out"
    with shared_folder(path) as slow, shared_folder(path) as fast:
        (slow / "a").write_text("slow")
        (fast / "a").write_text("fast")
    assert (path / "a").read_text() == "fast"
    assert [each.name for each in path.parent.iterdir()] == ["out"]
    with pytest.raises(KeyError), shared_folder(tmp_path / "other"):
        raise KeyError
    (tmp_path / "file").touch()
    with pytest.raises(OSError), shared_folder(tmp_path / "file") as partial:
        (partial / "a").touch()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "new"]


def test_a_folder_is_removed_at_once_and_one_that_is_gone_does_no_harm(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "a").touch()
    for _ in range(2):
        remove_folder(path)
        assert list(tmp_path.iterdir()) == []


def test_an_atomic_write_replaces_the_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"old", b"new"):
        with atomic_write(path) as file:
            file.write(content)
            assert not path.exists() or path.read_bytes() == b"old"
        assert path.read_bytes() == content
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.txt", "plain"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_atomic_write_that_fails_keeps_the_earlier_file(tmp_path, error):
    (tmp_path / "a.txt").write_bytes(b"old")
    with pytest.raises(error), atomic_write(tmp_path / "a.txt") as file:
        file.write(b"new")
        raise error
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


def test_a_text_is_written_with_its_folder_and_a_failure_is_named(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "имя\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "имя\n".encode()
    with pytest.raises(DataError, match=r"a\.txt/b: cannot be written"):
        write_text(tmp_path / "new" / "a.txt" / "b", "")


def test_a_fingerprint_depends_on_the_content_and_not_on_the_order_of_keys():
    first = fingerprint({"a": 1, "b": ["x", None]})
    # The SHA-256 of {"a":1,"b":["x",null]}.
    assert first == hashlib.sha256(b'{"a":1,"b":["x",null]}').hexdigest()
    assert fingerprint({"b": ["x", None], "a": 1}) == first
    assert len({first, fingerprint({"a": 2, "b": ["x", None]}), fingerprint([])}) == 3


def test_another_format_is_refused_in_one_line(tmp_path):
    with pytest.raises(DataError, match="not a data folder"):
        read_manifest(tmp_path)
    # Folders had no number before format 2; a later one may have another structure altogether.
    for content, found in (('{"files": {}}', 1), ('{"format": 4}', 4), ("[]", 1)):
        (tmp_path / "MANIFEST.json").write_text(content)
        with pytest.raises(DataError) as caught:
            read_manifest(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path}: has data format {found}, this version reads 3; pack it again"
        )
    check_format(tmp_path, {"format": 7}, "run", 7, "train it again")
