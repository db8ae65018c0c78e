"""Queries are packed like items."""

from pathlib import Path

import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.serving.search import _query_values


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    pytest.importorskip("regex", reason="tokens need tfmmrec[preprocessing]")
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "items.csv").write_text("id,title,plot,year\n1,<b>A Cow</b>,Grass,1990\n")
    (folder / "log.csv").write_text("user,item\na,1\n")
    features = {
        "title": {"modality": "text", "steps": ["clean", "tokens"]},
        "plot": {"modality": "text"},
        "year": {"modality": "number"},
    }
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "films.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "films.yaml", tmp_path / "data", PackConfig(quiet=True))
    return Dataset(tmp_path / "data")


def test_a_query_goes_through_the_steps_of_the_features(dataset):
    values = _query_values(dataset, dataset.schema.items, {"text": "<i>Two  Cows</i>"})
    # The year is absent, and needs no encoder.
    assert {name: value.numpy().tolist() for name, value in values.items()} == {
        "title": [b"Two Cows"],
        "title_tokens": [b"two cows"],
        # The plot declares no steps.
        "plot": [b"<i>Two  Cows</i>"],
    }


def test_invalid_queries_are_refused(dataset, tmp_path):
    with pytest.raises(ConfigError, match="--text: nothing to search for"):
        _query_values(dataset, dataset.schema.items, {"text": "  "})
    with pytest.raises(ConfigError, match=r"--image: the model reads no image of the items"):
        _query_values(dataset, dataset.schema.items, {"image": tmp_path / "none.png"})
    with pytest.raises(DataError, match="--text: not valid UTF-8"):
        _query_values(dataset, dataset.schema.items, {"text": "\ud800"})
