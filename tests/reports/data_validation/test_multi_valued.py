"""Tests of the validation of multi-valued features, value by value."""

from pathlib import Path

import pytest

from tests.modalities.contract import PICTURE, SOUND
from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.packing import pack
from tfmmrec.modalities import create
from tfmmrec.reports.data_validation.console import all_tables
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.validate import check, examine


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    photo, sound = ("1.png", PICTURE), ("1.wav", SOUND)
    path = write_catalog(
        folder / "catalogue",
        name="several",
        items=[
            {"item_id": "a", "photos": [photo, photo], "reviews": ["<b>fine</b>", "so"]},
            {"item_id": "b", "photos": [photo], "sounds": [sound] * 3},
            {"item_id": "c", "reviews": ["fun"]},
        ],
        item_features={
            "photos": {"modality": "image", "separator": "|", "max_values": 3},
            "reviews": {"modality": "text", "multi_valued": True},
            "sounds": {"modality": "audio", "multi_valued": True},
        },
        interactions=[{"user_id": "u", "item_id": "a", "timestamp": 1}],
    )
    pack(path, folder / "data", PackConfig(quiet=True))
    return folder / "data"


def test_each_value_is_counted(data: Path) -> None:
    findings: Findings = examine(data, CheckConfig(media=True, quiet=True))
    tables = {table.title: table for table in all_tables(findings)}
    features = {row[0]: list(row[1:]) for row in tables["Features of items"].rows}
    assert features == {
        "photos": ["image", "2 of 3", "67%", "1", "0"],
        "reviews": ["text", "2 of 3", "67%", "1", "0"],
        "sounds": ["audio", "1 of 3", "33%", "2", "0"],
    }
    # 11, 2 and 3 characters.
    (texts,) = tables["Texts, in characters (items)"].rows
    assert (texts[0], texts[1], texts[3], texts[5]) == ("reviews", "2", "3", "11")


def test_each_value_is_shown(data: Path, tmp_path: Path) -> None:
    check(data, CheckConfig(report=tmp_path / "x.html", schema=tmp_path / "schema", quiet=True))
    page = (tmp_path / "x.html").read_text()
    assert page.count("<img") == 3 and page.count("<audio") == 3
    assert "&lt;b&gt;fine" in page and "<b>fine" not in page
    schema = (tmp_path / "schema" / "items.pbtxt").read_text()
    assert "image_domain" in schema and "max: 3" in schema and "max: 8" in schema


def test_a_broken_value_is_named_by_its_place() -> None:
    photos = create({"modality": "image", "multi_valued": True})
    assert photos.value_anomaly([PICTURE, b"none"]) is None
    assert photos.value_anomaly([PICTURE], decode_media=True) is None
    problem = photos.value_anomaly([PICTURE, b"none"], decode_media=True)
    assert problem == "value 2: not a picture that can be decoded"
    texts = create({"modality": "text", "multi_valued": True})
    assert str(texts.value_anomaly([b"a", b"\xff"])).startswith("value 2: not valid UTF")
