"""Tests of the hints for paths that name no file."""

import unicodedata
from pathlib import Path

import pytest

from tfmmrec.data.packing.missing_file import why_not_found

COMPOSED = unicodedata.normalize("NFC", "é.png")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    for name in ("images/I0.JPG", "images/a b.png", f"images/{COMPOSED}", "deep/er/9.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    (tmp_path / "tables" / "own").mkdir(parents=True)
    (tmp_path / "tables" / "own" / "t.png").write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("https://example.com/I0.JPG", "addresses are not downloaded; download the files"),
        ("//cdn.example.com/I0.JPG", "addresses are not downloaded"),
        ("www.example.com/I0.JPG", "addresses are not downloaded"),
        ("s3://bucket/I0.JPG", "addresses are not downloaded"),
        ("data:image/png;base64,iVBORw0=", "data: addresses are not read"),
        ("images/i0.jpg", "images/I0.JPG is there: letter case counts"),
        ("Images/I0.JPG", "images/I0.JPG is there: letter case counts"),
        (r"images\i0.jpg", "images/I0.JPG is there: letter case counts"),
        ("images/I0.png", "images/I0.JPG is there: the suffix differs"),
        ("images/I0", "images/I0.JPG is there: the suffix differs"),
        ("images/I0.JPG ", "images/I0.JPG is there: without the blanks or quotes at its ends"),
        ('"images/I0.JPG"', "images/I0.JPG is there: without the blanks or quotes at its ends"),
        ("images/a%20b.png", "images/a b.png is there: %-signs are not decoded"),
        ("images/I0.JPG?v=1", "images/I0.JPG is there: without what follows ? or #"),
        (
            "images/" + unicodedata.normalize("NFD", COMPOSED),
            f"images/{COMPOSED} is there: its letters are composed in another Unicode form",
        ),
        ("I0.JPG", "images/I0.JPG is there: set media: images, or write the folder into the paths"),
        ("i0.jpg", "images/I0.JPG is there: set media: images, or write the folder into the paths"),
        ("9.png", "deep/er/9.png is there: set media: deep/er,"),
        ("data/images/I0.JPG", "images/I0.JPG is there: without data/"),
        ("/srv/shop/images/I0.JPG", "images/I0.JPG is there: without srv/shop/"),
        (r"C:\data\images\I0.JPG", "images/I0.JPG is there: without data/"),
        ("file:///srv/shop/images/I0.JPG", "images/I0.JPG is there: file: is not read, without"),
        ("~/images/I0.JPG", "images/I0.JPG is there: without ~/"),
        ("~/none.png", "~ is not replaced by the home folder"),
        (r"C:\none.png", "a path with a drive of Windows; give paths relative to"),
        ("photos/none.png", "there is no folder photos in "),
        ("own/t.png", "tables/own/t.png is there: paths are relative to "),
    ],
)
def test_hints(path: str, hint: str, media: Path):
    found = why_not_found(path, media, media.parent / "tables")
    assert found is not None and hint in found


@pytest.mark.parametrize("path", ["images/none.png", "none.png", ".", "", "\0", "x" * 5000, "%ff"])
def test_nothing_is_said_of_what_is_nowhere(path: str, media: Path):
    assert why_not_found(path, media, media.parent / "tables") is None
