"""A new modality needs one class and one line of registration, and no other change."""

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import tensorflow as tf

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.errors import BrokenValue, DataError
from tfmmrec.modalities import MODALITIES, Modality, SearchOption, search_options
from tfmmrec.reports.data_validation.feature_statistics import DESCRIPTIONS
from tfmmrec.reports.data_validation.validate import check
from tfmmrec.reports.value_html import RENDERERS
from tfmmrec.serving.search import search
from tfmmrec.training.train import train


def register_color() -> type[Modality]:
    @MODALITIES.register("color")
    @dataclasses.dataclass(frozen=True)
    class Color(Modality):
        """An RGB color such as #ff8000. Stored as three numbers in [0, 1]; NaN is absent."""

        encoder: ClassVar[str] = "vector"
        search_option: ClassVar[SearchOption | None] = SearchOption("a color", is_file=False)

        def check(self, raw: Any, folder: Path) -> list[float]:
            match = re.fullmatch("#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", str(raw))
            if match is None:
                raise BrokenValue(f"a color such as #ff8000 is expected. Received: {raw!r}")
            return [int(part, 16) / 255 for part in match.groups()]

        def parsing(self) -> Any:
            return tf.io.FixedLenFeature([3], tf.float32, default_value=[math.nan] * 3)

        def present(self, values: Any) -> tf.Tensor:
            return tf.reduce_all(tf.math.is_finite(values), axis=1)

        def signature(self, name: str) -> tf.TensorSpec:
            return tf.TensorSpec([None, 3], tf.float32, name)

        def value_anomaly(self, value: Any, vocabulary: Any = (), **options: Any) -> str | None:
            return None if min(value) >= 0 and max(value) <= 1 else "a channel is outside [0, 1]"

        def add_domain(self, feature: Any, statistics: Any, categories: Any) -> None:
            feature.float_domain.min, feature.float_domain.max = 0.0, 1.0

    return Color


@pytest.fixture
def color() -> Iterator[type[Modality]]:
    yield register_color()
    with contextlib.suppress(KeyError):
        del MODALITIES.variants["color"]


def packed(folder: Path, third: str) -> Path:
    path = write_catalog(
        folder / "catalog",
        name="paints",
        items=[
            {"item_id": "a", "paint": "#ff0000"},
            {"item_id": "b", "paint": "#0000ff"},
            {"item_id": "c", "paint": third},
            {"item_id": "d"},
        ],
        item_features={"paint": {"modality": "color"}},
        interactions=[
            {"user_id": user, "item_id": item, "timestamp": time}
            for user in "uvw"
            for time, item in enumerate("abc")
        ],
    )
    pack(path, folder / "data", PackConfig(quiet=True, max_rejects=0.5))
    return folder / "data"


def test_it_is_packed_validated_shown_and_encoded(color: type[Modality], tmp_path: Path) -> None:
    data = packed(tmp_path, "#000000")
    page, schema = tmp_path / "check.html", tmp_path / "schema"
    check(data, CheckConfig(report=page, schema=schema, media=True, quiet=True))
    assert "color" in page.read_text() and "[1.0, 0.0, 0.0]" in page.read_text()
    assert "float_domain" in (schema / "items.pbtxt").read_text()
    dataset = Dataset(data)
    counts = {"present": 3, "missing": 1, "rejected": 0}
    assert dataset.statistics["items"]["features"]["paint"] == counts
    assert isinstance(dataset.schema.items["paint"], color)
    assert features_by_modality(dataset.schema.items) == {"color": ["paint"]}
    assert list(search_options()) == ["audio", "color", "image", "text"]
    encoded = encode_entities(dataset, "items", TrainConfig(quiet=True)).encodings["paint"]
    assert encoded.present.tolist() == [True, True, True, False]
    assert encoded.values[:3].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_its_broken_values_are_rejected(color: type[Modality], tmp_path: Path) -> None:
    data = packed(tmp_path, "red")
    assert "a color such as #ff8000 is expected" in (data / "rejects.jsonl").read_text()
    first = "items.jsonl row 3: paint: a color such as #ff8000 is expected. Received: 'red'"
    counts = {"present": 2, "missing": 1, "rejected": 1, "first_reject": first}
    assert Dataset(data).statistics["items"]["features"]["paint"] == counts


# It trains a model of its own: no shared world has a feature of this modality.
@pytest.mark.slow
def test_it_is_trained_and_searched(color: type[Modality], tmp_path: Path) -> None:
    data = packed(tmp_path, "#000000")
    config = TrainConfig(epochs=1, dim=4, batch_size=4, id_embedding=False, quiet=True)
    train(data, tmp_path / "run", config)
    for item, query in {"a": "#ff0000", "b": "#0000ff"}.items():
        assert search(tmp_path / "run", color=query, k=1)[0]["item"] == item
    with pytest.raises(DataError, match="--color: a color such as #ff8000 is expected"):
        search(tmp_path / "run", color="red")


def test_it_is_unknown_again() -> None:
    assert "color" not in MODALITIES.variants


@pytest.mark.parametrize("kind", [*MODALITIES.variants])
def test_reports_have_every_declared_display(kind: str) -> None:
    display = MODALITIES.variants[kind].display
    assert display in RENDERERS and display in DESCRIPTIONS
