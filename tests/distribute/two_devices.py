"""Two devices equal one. `test_processes` runs this in a separate process."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.distribute.worlds import config
from tests.encoders.finetuning.worlds import letters_module, pack_titles, without_chance
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import read_json
from tfmmrec.distribute import replicas
from tfmmrec.distribute.strategies import create_strategy, use_strategy
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.models.run_folder import load_run
from tfmmrec.training.batches import create_batches
from tfmmrec.training.distribute_batches import distribute_batches
from tfmmrec.training.fit import fit
from tfmmrec.training.train import train
from tfmmrec.tuning import TuneConfig, tune

[CPU] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)

WINDOWS = {
    # No two items are alike: which of those that score the same are hardest is left to rounding.
    "features": ["title", "year"],
    "query": {"kind": "gru", "max_history": 4, "units": 8, "dropout": 0.0, "time_intervals": True},
    "fusion": {"kind": "late", "modality_loss_weight": 0.5},
    # What is mined is all taken, so that nothing is drawn.
    "negatives": {
        "cross_batch_memory_size": 5,
        "num_mined": 2,
        "mining_top_k": 2,
        "mining_interval": 2,
        "num_hard_negatives": 5,
    },
    "loss": "bpr",
    "contrastive": {},
    "optimizer": {"global_clipnorm": 0.2, "gradient_accumulation_steps": 2},
}


def built(dataset: Dataset, config: TrainConfig) -> tuple[ModelBundle, Any]:
    """A model, and the first of its batches, distributed by its strategy."""
    strategy = create_strategy(config.strategy)
    with use_strategy(strategy):
        bundle = build_bundle(dataset, config)
    dealt = distribute_batches(strategy, create_batches(bundle), bundle.model, epoch=0, seed=0)
    return bundle, next(iter(dealt))


def loss_and_slopes(bundle: ModelBundle, batch: Any) -> tuple[float, list[np.ndarray]]:
    """The loss and the gradient of a whole batch, summed over replicas."""
    model = bundle.model
    encoders = [
        weight for feature in model.trainable_features.values() for weight in feature.weights
    ]
    weights = [*model.tower_weights, *encoders]

    def step(inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(inputs, training=True)
        slopes = tape.gradient(loss, weights, unconnected_gradients="zero")
        return replicas.all_reduce_sum([loss, *(tf.convert_to_tensor(slope) for slope in slopes)])

    strategy = model.distribute_strategy
    results = tf.function(lambda given: strategy.run(step, args=(given,)))(batch)
    loss, *slopes = (strategy.experimental_local_results(r)[0].numpy() for r in results)
    return float(loss), slopes


def assert_two_are_as_one(dataset: Dataset, given: TrainConfig) -> None:
    one, two = (
        loss_and_slopes(*built(dataset, TrainConfig(**{**vars(given), "strategy": strategy})))
        for strategy in ("one", "mirrored")
    )
    assert two[0] == pytest.approx(one[0], rel=1e-5)
    assert any(np.abs(slope).max() > 1e-3 for slope in one[1])
    for ours, theirs in zip(two[1], one[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_loss_and_gradient(small: Dataset) -> None:
    assert_two_are_as_one(small, config())


def test_loss_and_gradient_of_several_tasks(small: Dataset) -> None:
    head = {"dropout": 0.0, "id_embedding_dropout": 0.0, "units": 4}
    joint = {"retrieval": 1.0, "click": 0.5, "uncertainty_weighting": True}
    negatives = {"source": "full_catalog"}
    tasks = {"task": "joint", "joint": joint, "head": head, "contrastive": {}}
    # Replicas embed candidates that are targets of the other one's part of a batch.
    assert_two_are_as_one(small, config(**tasks, negatives=negatives, features_on="host"))


def test_loss_and_gradient_of_weights_and_dislikes(small: Dataset, tmp_path: Path) -> None:
    """In windows and in examples of one event, whose users are divided between the devices."""
    source = small.folder.parent
    content = yaml.safe_load((source / "set.yaml").read_text())
    content["interactions"] |= {"kind": "event", "kinds": {"view": 0.1, "buy": 1.0, "skip": -0.5}}
    (tmp_path / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    shutil.copy(source / "items.csv", tmp_path)
    header, *rows = (source / "log.csv").read_text().splitlines()
    kinds = ("view", "buy", "skip", "view")
    lines = [f"{row},{kinds[number % 7 % 4]}" for number, row in enumerate(rows)]
    (tmp_path / "log.csv").write_text("\n".join([f"{header},event", *lines]) + "\n")
    pack(tmp_path / "set.yaml", tmp_path / "data", PackConfig(quiet=True))
    dataset = Dataset(tmp_path / "data")
    assert_two_are_as_one(dataset, config())
    around = {"kind": "mean", "max_history": 4, "units": 8, "dropout": 0.0, "time_intervals": True}
    assert_two_are_as_one(dataset, config(query=around, loss="bpr", features_on="host"))


def test_loss_and_gradient_of_a_trained_encoder(tmp_path: Path) -> None:
    handle = letters_module(tmp_path / "letters", average=False)
    # The items of some windows do not all have a title. A batch has two windows on one device too.
    assert_two_are_as_one(pack_titles(tmp_path), without_chance(handle, batch_size=12))


def test_a_whole_training_on_windows(small: Dataset, tmp_path: Path) -> None:
    for strategy in ("one", "mirrored"):
        train(small.folder, tmp_path / strategy, config(**WINDOWS, strategy=strategy))
    one, two = (read_json(tmp_path / s / "history.json") for s in ("one", "mirrored"))
    assert [epoch["epoch"] for epoch in two] == [1, 2]
    for ours, theirs in zip(two, one, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    # What was trained on two devices is read on one.
    weights = [load_run(tmp_path / s, quiet=True).model.get_weights() for s in ("one", "mirrored")]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-5)


def test_an_encoder_is_trained_and_the_table_follows(tmp_path: Path) -> None:
    handle = letters_module(tmp_path / "letters", dtype=tf.float16, average=False)
    given = without_chance(handle, strategy="mirrored", epochs=1)
    bundle, _ = built(pack_titles(tmp_path), given)
    before = bundle.model.items.encodings["title"].numpy()
    fit(bundle)
    table, [feature] = (
        bundle.model.items.encodings["title"],
        bundle.model.trainable_features.values(),
    )
    assert not np.allclose(before, table.numpy())
    rows = np.flatnonzero(feature.raw.present)
    encoded = feature.encoder.encode(tf.constant(feature.raw.take(rows)))
    for copy in table.values:
        np.testing.assert_allclose(copy.numpy()[rows], encoded, rtol=1e-3)


def test_a_trial_of_a_search(small: Dataset, tmp_path: Path) -> None:
    options: dict[str, Any] = {"search": [], "space": {"dim": [8]}, "trials": 1, "reruns": 0}
    tuned = TuneConfig(config(strategy="mirrored"), **options, quiet=True)
    tune(small.folder, tmp_path / "tuned", tuned)
    train(small.folder, tmp_path / "run", config())
    base = json.loads((tmp_path / "tuned" / "trials.jsonl").read_text().splitlines()[0])
    alone = read_json(tmp_path / "run" / "run.json")["metrics"]
    assert base["stage"] == "base"
    assert base["metrics"]["loss"] == pytest.approx(alone["loss"], rel=1e-4)
    assert base["metrics"]["ndcg@10"] == pytest.approx(alone["ndcg@10"], abs=1e-4)
