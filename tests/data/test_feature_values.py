import math

import numpy as np
import pytest

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import FeatureValues, parse_record, read_feature_values
from tfmmrec.data.packing import pack
from tfmmrec.data.tfrecords import encode_example


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "items.csv").write_text("id,title\n1,Heat\n2,\n")
    (tmp_path / "users.csv").write_text("id,age,groups\nu,30,a|b\nv,,\n")
    (tmp_path / "log.csv").write_text("user,item\nu,1\nv,2\n")
    (tmp_path / "films.yaml").write_text(
        "items: {table: items.csv, id: id, features: {title: {modality: text}}}\n"
        "users:\n"
        "  table: users.csv\n"
        "  id: id\n"
        "  features:\n"
        "    age: {modality: number}\n"
        "    groups: {modality: categorical, separator: '|'}\n"
        "interactions: {table: log.csv, user: user, item: item}\n"
    )
    pack(tmp_path / "films.yaml", tmp_path / "data", PackConfig(quiet=True))
    return Dataset(tmp_path / "data")


def test_rows_are_taken_in_any_order_and_nobody_has_nothing(dataset):
    values = FeatureValues(dataset, "users")
    u, v = (dataset.user_rows[name] for name in "uv")
    taken = values.take(np.array([v, u, -1, u]))
    assert taken["age"].numpy()[[1, 3]].tolist() == [30, 30]
    assert all(math.isnan(age) for age in taken["age"].numpy()[[0, 2]])
    assert taken["groups"].numpy().tolist() == [[b"", b""], [b"a", b"b"], [b"", b""], [b"a", b"b"]]
    items = read_feature_values(dataset, "items", np.array([dataset.item_rows["1"]]))
    assert items["title"].numpy().tolist() == [b"Heat"]


def test_a_column_is_read_once(dataset, monkeypatch):
    read = []
    values = dataset.values
    monkeypatch.setattr(dataset, "values", lambda *a, **k: read.append(a[:2]) or values(*a, **k))
    users = FeatureValues(dataset, "users")
    for row in (0, 1):
        users.take(np.array([row]))
    assert read == [("users", "age"), ("users", "groups")]


def test_a_record_without_features_is_an_empty_batch(dataset, monkeypatch):
    # `recommend --history` reads such a record for a catalog without a user table.
    record = encode_example({})
    assert math.isnan(parse_record(dataset, "users", record)["age"].numpy()[0])
    monkeypatch.setattr(dataset, "features", lambda entity: {})
    assert parse_record(dataset, "users", record) == {}
