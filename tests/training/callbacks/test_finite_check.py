"""Tests of what is said when a loss is not finite: the feature whose values did it, or none."""

import dataclasses
import json
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.tabular import VectorEncoder
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.training.callbacks.finite_check import FiniteCheck

CONFIG = TrainConfig(quiet=True, dim=4, projection_units=0)


def data(folder: Path, vectors: list[list[float]]) -> Dataset:
    """Packs items with a `year` and a `vec`, without which no model is built from them."""
    rows = [
        {"id": f"i{n}", "year": 20200101 + n, "vec": vector} for n, vector in enumerate(vectors)
    ]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    events = [f"u{n % 3},i{n % len(rows)},{n}" for n in range(18)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *events]) + "\n")
    features = {"year": {"modality": "number"}, "vec": {"modality": "vector", "dim": 2}}
    content = {
        "items": {"table": "items.jsonl", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def test_vectors_too_large_for_float32_are_named_before_the_training(tmp_path: Path):
    dataset = data(tmp_path, [[0.5, 1.0], [2.0, 1e38], [1.0, 0.0], [0.0, -3e38]])
    with pytest.raises(DataError) as caught:
        build_bundle(dataset, CONFIG)
    assert str(caught.value) == (
        f"{dataset.folder}: items.features.vec: the encodings of 2 of 4 items are too large, up to "
        "3.0e+38 (first: 'i1'); correct the values or the encoder, or leave the feature out with "
        "--features"
    )


def test_an_encoder_that_gives_nan_is_named_before_the_training(tmp_path: Path, monkeypatch):
    def encode(self: VectorEncoder, values: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.math.log(values), [None, self.dim])

    monkeypatch.setattr(VectorEncoder, "encode", encode)
    dataset = data(tmp_path, [[0.5, 1.0], [2.0, 1.0], [-1.0, 1.0]])
    with pytest.raises(DataError, match=r"vec: the encodings of 1 of 3 items are not finite \(fi"):
        build_bundle(dataset, CONFIG)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> ModelBundle:
    vectors = [[n, 1.0] for n in range(4)]
    return build_bundle(data(tmp_path_factory.mktemp("finite"), vectors), CONFIG)


def message(bundle: ModelBundle) -> str:
    step = types.SimpleNamespace(bad_step=tf.Variable(7), rate=lambda step: 0.25)
    with pytest.raises(DataError) as caught:
        FiniteCheck(bundle, step, steps_per_epoch=5, checkpoints=None).check_loss()  # type: ignore[arg-type]
    return str(caught.value)


def test_a_loss_that_is_not_finite_names_the_feature(bundle: ModelBundle):
    values = np.array([[0, 1], [np.inf, 1], [np.nan, 1], [0, 1]], np.float32)
    # The encoding of a row without the feature is not read.
    present = np.array([True, True, False, True])
    encodings = {**bundle.items.encodings, "vec": Encodings(values, present)}
    items = dataclasses.replace(bundle.items, encodings=encodings)
    assert message(dataclasses.replace(bundle, items=items)) == (
        "the loss was not finite after step 3 of epoch 2, at a learning rate of 0.25; "
        "items.features.vec: the encodings of 1 of 3 items are not finite (first: 'i1'); correct "
        "these values, or leave the feature out with --features"
    )


def test_without_such_a_feature_the_advice_is_about_the_training(bundle: ModelBundle):
    assert message(bundle) == (
        "the loss was not finite after step 3 of epoch 2, at a learning rate of 0.25; the "
        "encodings of all features are finite; train anew with a lower learning_rate or with "
        "optimizer.global_clipnorm"
    )
