"""Runs with a fine-tuned encoder: interrupted and resumed, saved, loaded, exported and served."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.encoders.finetuning.worlds import (
    TITLES,
    letters_module,
    pack_titles,
    row_of,
    without_chance,
)
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.serving.core_ops import foreign_ops
from tfmmrec.serving.export import export
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.testing import test_assets
from tfmmrec.training.fit import fit
from tfmmrec.training.train import train

# Steps that half precision shows.
FASTER = {"title": {"learning_rate": 0.01}}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return pack_titles(tmp_path_factory.mktemp("titles"))


@pytest.fixture(scope="module")
def handle(tmp_path_factory) -> str:
    return letters_module(tmp_path_factory.mktemp("modules") / "half", dtype=tf.float16)


@pytest.fixture(scope="module")
def run(dataset: Dataset, handle: str, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    train(dataset.folder, out, without_chance(handle, finetune=FASTER))
    return out


def state(bundle: ModelBundle) -> dict[str, np.ndarray]:
    """All that a run consists of, by name."""
    feature = bundle.model.trainable_features["title"]
    variables = {v.name: v.numpy() for v in feature.encoder.module.variables_read()}
    variables |= {f"master {v.name}": v.numpy() for v in feature.master_weights}
    variables |= {str(n): value for n, value in enumerate(bundle.model.get_weights())}
    variables["vectors"] = Scorer(bundle.model).item_vectors()
    variables["encoded"] = feature.encoder.encode(tf.constant(["abc", "b"])).numpy()
    return variables


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_allclose(value, second[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_training_moves_the_encoder_and_the_table_follows(run: Path, handle: str) -> None:
    trained, module = load_run(run, quiet=True), HubEncoder("text", handle)
    feature = trained.model.trainable_features["title"]
    for variable, start in zip(
        feature.encoder.module.variables_read(), module.module.variables_read(), strict=True
    ):
        moved = not np.allclose(variable.numpy().astype(float), start.numpy().astype(float))
        assert moved == (variable.name != "still:0"), variable.name
    table = trained.model.items.encodings["title"].numpy()
    for number, title in enumerate(TITLES):
        expected = feature.encoder.encode(tf.constant([title]))[0] if title else [0.0, 0.0]
        np.testing.assert_allclose(table[row_of(trained.dataset, number)], expected, rtol=1e-5)
    # The run names the module that it began with.
    saved = json.loads((run / "run.json").read_text())["encoders"]["items"]["title"]
    assert saved["fingerprint"] == module.fingerprint == feature.encoder.fingerprint


@pytest.mark.slow
def test_a_stopped_training_ends_with_the_same_weights(
    dataset: Dataset, handle: str, run: Path, tmp_path: Path
) -> None:
    whole = without_chance(handle, finetune=FASTER)
    part = dataclasses.replace(whole, epochs=2)
    (tmp_path / "run.partial").mkdir()
    fit(build_bundle(Dataset(dataset.folder), part), tmp_path / "run.partial")
    train(dataset.folder, tmp_path / "run", whole, resume=True)
    assert_same(state(load_run(tmp_path / "run", quiet=True)), state(load_run(run, quiet=True)))
    histories = [json.loads((r / "history.json").read_text()) for r in (run, tmp_path / "run")]
    assert [len(history) for history in histories] == [4, 4]
    for one, other in zip(*histories, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_the_best_weights_are_kept_in_memory(dataset: Dataset, handle: str) -> None:
    bundle = build_bundle(
        Dataset(dataset.folder), without_chance(handle, epochs=1, finetune=FASTER)
    )
    fit(bundle)
    model, best = bundle.model, bundle.model.get_weights()
    expected = state(bundle)
    feature = model.trainable_features["title"]
    spoilt = [
        *feature.encoder.module.variables_read(),
        *feature.master_weights,
        model.items.encodings["title"],
        *model.temperature.variables,
    ]
    for variable in spoilt:
        variable.assign(variable + 1)
    assert not np.allclose(state(bundle)["encoded"], expected["encoded"])
    model.set_weights(best)
    assert_same(state(bundle), expected)


def test_it_is_served_with_the_weights_that_were_trained(run: Path, tmp_path: Path) -> None:
    folder = export(run, tmp_path / "models" / "titles", quiet=True)
    # What reads the raw values in training is Python, of which nothing may be served.
    assert foreign_ops(folder) == []
    bundle = load_run(run, quiet=True)
    index = ServingModel(bundle).content_search.content.numpy()
    encode = tf.saved_model.load(str(folder)).signatures["encode_items"]
    served = encode(title=tf.constant(TITLES))["vectors"].numpy()
    rows = [row_of(bundle.dataset, number) for number in range(len(TITLES))]
    np.testing.assert_allclose(served, index[rows], atol=1e-5)
    # That is not what the first weights would give.
    frozen = build_bundle(bundle.dataset, bundle.config)
    frozen.model.item_tower.set_weights(bundle.model.item_tower.get_weights())
    other = ServingModel(frozen).content_search.content.numpy()
    assert not np.allclose(other, index, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"table:0", "bias:0", "average:0"}),
        pytest.param({"recompute": True}, {"table:0", "bias:0"}, marks=pytest.mark.slow),
        pytest.param({"variables": "bias"}, {"bias:0", "average:0"}, marks=pytest.mark.slow),
    ],
)
def test_what_an_epoch_moves(dataset: Dataset, handle: str, options: dict, expected: set) -> None:
    options = {"learning_rate": 0.01, **options}
    config = without_chance(handle, epochs=1, finetune={"title": options})
    bundle = build_bundle(Dataset(dataset.folder), config)
    start = state(bundle)
    fit(bundle)
    end = state(bundle)
    names = ("table:0", "bias:0", "still:0", "average:0")
    assert {name for name in names if not np.array_equal(start[name], end[name])} == expected


@pytest.mark.slow
def test_minilm_is_trained_saved_and_loaded(dataset: Dataset, tmp_path: Path) -> None:
    """Its weights are of half precision, and its vocabulary is a table within the graph."""
    handle = str(test_assets("hub/minilm_l6_fp16"))
    options = {"variables": "encoder_layer_5", "recompute": True}
    config = without_chance(handle, epochs=1, batch_size=24, finetune={"title": options})
    train(dataset.folder, tmp_path / "run", config)
    loaded = load_run(tmp_path / "run", quiet=True)
    feature = loaded.model.trainable_features["title"]
    assert {v.dtype for v in feature.weights} == {tf.float16}
    table = loaded.model.items.encodings["title"].numpy()
    row = row_of(loaded.dataset, 0)
    encoded = feature.encoder.encode(tf.constant(TITLES[:1])).numpy()[0]
    np.testing.assert_allclose(encoded, table[row], atol=1e-4)
    first = build_bundle(loaded.dataset, config).model.items.encodings["title"].numpy()[row]
    assert not np.allclose(table[row], first, atol=1e-3)
