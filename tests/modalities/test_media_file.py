"""Tests of media files: path resolution, size limits, invalid paths."""

import os
from pathlib import Path

import pytest

from tests.modalities.contract import PICTURE, SOUND, refused
from tfmmrec.modalities import Audio, Image, Modality, media_file


@pytest.mark.parametrize(
    ("modality", "name", "data"), [(Image(), "1.png", PICTURE), (Audio(), "1.wav", SOUND)]
)
def test_paths_of_csv_come_as_bytes_and_of_jsonl_as_text(
    modality: Modality, name: str, data: bytes, tmp_path: Path
):
    (tmp_path / name).write_bytes(data)
    for raw in (name, name.encode()):
        assert modality.check(raw, tmp_path) == [data]


@pytest.mark.parametrize("path", ["../outside.png", "a/../../outside.png"])
def test_paths_do_not_leave_the_folder(path: str, tmp_path: Path):
    (tmp_path / "outside.png").write_bytes(PICTURE)
    (tmp_path / "inside" / "a").mkdir(parents=True)
    assert "leaves the folder" in refused(Image(), path, tmp_path / "inside")
    absolute = str(tmp_path / "outside.png")
    assert "leaves the folder" in refused(Image(), absolute, tmp_path / "inside")
    # Nor by a link to a folder: `..` is resolved as text, and a/../outside.png is not there.
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "outside.png").write_bytes(PICTURE)
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    assert Image().check("link/../outside.png", tmp_path / "inside") is None
    assert "leaves the folder" in refused(Image(), "link/../../outside.png", tmp_path / "inside")
    # Nor by backslashes.
    assert "leaves the folder" in refused(Image(), r"a\..\..\outside.png", tmp_path / "inside")


def test_links_to_other_places_are_followed(tmp_path: Path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "1.png").write_bytes(PICTURE)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "posters").symlink_to(tmp_path / "disk")
    (inside / "link.png").symlink_to(tmp_path / "disk" / "1.png")
    for path in ("posters/1.png", "link.png", "posters/../link.png", str(inside / "link.png")):
        assert Image().check(path, inside) == [PICTURE], path
    # An absolute path may name the folder by its real path or by that of a link.
    (tmp_path / "alias").symlink_to(inside)
    for root, other in ((inside, tmp_path / "alias"), (tmp_path / "alias", inside)):
        assert Image().check(str(other / "link.png"), root) == [PICTURE]
        assert "leaves the folder" in refused(Image(), str(other.parent / "disk/1.png"), root)


def test_backslashes_are_read_as_slashes_unless_a_file_has_them(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(PICTURE)
    assert Image().check(r"a\1.png", tmp_path) == [PICTURE]
    assert media_file.is_found_by_slashes(r"a\1.png", tmp_path)
    (tmp_path / r"a\1.png").write_bytes(PICTURE + b"x")
    assert Image().check(r"a\1.png", tmp_path) == [PICTURE + b"x"]
    for path in (r"a\1.png", "a/1.png", r"a\2.png", r"..\1.png"):
        assert not media_file.is_found_by_slashes(path, tmp_path)


def test_a_link_within_the_folder_is_followed(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(PICTURE)
    (tmp_path / "link.png").symlink_to("a/1.png")
    assert Image().check("link.png", tmp_path) == [PICTURE]
    # Also when the folder itself is reached by one.
    (tmp_path / "b").symlink_to("a")
    assert Image().check("1.png", tmp_path / "b") == [PICTURE]
    (tmp_path / "nowhere.png").symlink_to("none.png")
    assert Image().check("nowhere.png", tmp_path) is None


def test_a_folder_that_only_begins_alike_is_another(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "1.png").write_bytes(PICTURE)
    assert "leaves the folder" in refused(Image(), "../ab/1.png", tmp_path / "a")


def test_what_is_no_file_is_no_picture(tmp_path: Path):
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "pipe")
    reason = "the path must be that of a file. Received a folder: 'a'"
    assert refused(Image(), "a", tmp_path) == reason
    assert "a pipe or a device" in refused(Image(), "pipe", tmp_path)
    assert "is invalid (embedded null byte): 'a\\x00b.png'" in refused(
        Image(), "a\0b.png", tmp_path
    )
    assert "(File name too long)" in refused(Image(), "x" * 5000, tmp_path)
    assert "a text is expected. Received a list" in refused(Image(), ["1.png"], tmp_path)


def test_a_file_too_large_for_a_record_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(media_file, "_MAX_BYTES", len(PICTURE))
    (tmp_path / "1.png").write_bytes(PICTURE)
    assert Image().check("1.png", tmp_path) == [PICTURE]
    (tmp_path / "1.png").write_bytes(PICTURE + b"x")
    assert "the file is too large" in refused(Image(), "1.png", tmp_path)
