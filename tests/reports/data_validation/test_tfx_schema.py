"""Tests of the exported TensorFlow Metadata schema: parsed back, and used to parse shards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import DataError
from tfmmrec.reports.data_validation.validate import check

DTYPES = {
    schema_pb2.BYTES: tf.string,
    schema_pb2.FLOAT: tf.float32,
    schema_pb2.INT: tf.int64,
}


@pytest.fixture(scope="module")
def folder(packed, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("schema") / "schema"
    check(packed, CheckConfig(schema=out, quiet=True))
    return out


def load(folder: Path, name: str) -> dict[str, schema_pb2.Feature]:
    text = (folder / f"{name}.pbtxt").read_text(encoding="utf-8")
    schema = text_format.Parse(text, schema_pb2.Schema())
    return {feature.name: feature for feature in schema.feature}


def parsing_spec(features: dict[str, schema_pb2.Feature]) -> dict[str, Any]:
    """Does what TensorFlow Transform's schema_as_feature_spec does with these features."""
    spec: dict[str, Any] = {}
    for name, feature in features.items():
        if feature.HasField("shape"):
            # It takes a fixed shape of features that every record has only.
            assert feature.presence.min_fraction == 1
            shape = [dimension.size for dimension in feature.shape.dim]
            spec[name] = tf.io.FixedLenFeature(shape, DTYPES[feature.type])
        else:
            spec[name] = tf.io.VarLenFeature(DTYPES[feature.type])
    return spec


def parse(data: Path, part: str, features: dict[str, schema_pb2.Feature]) -> dict[str, Any]:
    shards = [str(path) for path in sorted((data / part).glob("*"))]
    records = list(tf.data.TFRecordDataset(shards).as_numpy_iterator())
    return tf.io.parse_example(records, parsing_spec(features))


def test_items(folder, packed):
    features = load(folder, "items")
    assert set(features) == {"id", "title", "poster", "theme", "genres", "year"}
    assert features["id"].HasField("shape") and not features["title"].HasField("shape")
    # Four of five items have a title, three a year.
    assert features["title"].presence.min_fraction == pytest.approx(0.8)
    assert features["title"].value_count.max == 1
    assert features["title"].HasField("natural_language_domain")
    assert features["poster"].HasField("image_domain")
    assert list(features["theme"].annotation.tag) == ["audio"]
    assert list(features["genres"].string_domain.value) == ["Drama", "Comedy", "War"]
    assert (features["genres"].value_count.min, features["genres"].value_count.max) == (1, 2)
    assert features["year"].float_domain.min == 1980
    assert features["year"].float_domain.max == 2000
    parsed = parse(packed, "items", features)
    assert parsed["id"].numpy().tolist() == [b"a", b"b", b"c", b"d", b"f"]
    genres = tf.RaggedTensor.from_sparse(parsed["genres"]).to_list()
    assert genres == [[b"War", b"Drama"], [], [b"Drama"], [b"Comedy", b"Drama"], [b"Drama"]]
    assert parsed["year"].values.numpy().tolist() == [1990, 2000, 1980]


def test_users_and_interactions(folder, packed):
    users = load(folder, "users")
    assert set(users) == {"id", "age"}
    assert users["age"].presence.min_fraction == pytest.approx(1 / 3)
    assert parse(packed, "users", users)["age"].values.numpy().tolist() == [30]
    features = load(folder, "interactions")
    assert features["item"].int_domain.max == 4 and features["user"].int_domain.max == 2
    assert features["time"].time_domain.integer_format == schema_pb2.TimeDomain.UNIX_MILLISECONDS
    parsed = parse(packed, "interactions/train", features)
    events = Dataset(packed).events("train")
    assert np.repeat(parsed["user"], [3, 1, 1]).tolist() == events.user.tolist()
    for name in ("item", "time", "rating", "positive", "order"):
        assert parsed[name].values.numpy().tolist() == getattr(events, name).tolist(), name


def test_no_schema_of_data_that_are_not_whole(data, tmp_path):
    (data / "vocabulary" / "cold_item_ids.txt").unlink()
    with pytest.raises(DataError, match="the file is missing"):
        check(data, CheckConfig(schema=tmp_path / "schema", quiet=True))
    assert not (tmp_path / "schema").exists()


def test_a_schema_that_cannot_be_written(packed, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="schema: cannot be written"):
        check(packed, CheckConfig(schema=tmp_path / "file" / "schema", quiet=True))
