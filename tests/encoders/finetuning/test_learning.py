"""In a world with a known answer, a fine-tuned encoder separates what it did not before."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.models.bundle import build_bundle
from tfmmrec.training.fit import fit

BUCKETS = 1024
WORLD = SyntheticConfig(
    num_items=80,
    num_users=200,
    weights={"text": 1.0, "image": 0.0, "audio": 0.0},
    missing={"text": 0.0, "image": 0.0, "audio": 0.0},
    popularity=0.0,
    picture_size=16,
    sound_seconds=0.25,
)
CONFIG = TrainConfig(
    features=["description"],
    id_embedding=False,
    refit=False,
    dim=16,
    # What is dropped of four numbers is much.
    dropout=0.0,
    batch_size=128,
    epochs=12,
    patience=12,
    quiet=True,
)


class Bag(tf.Module):
    """The mean of four random numbers a word: with words of every topic, next to nothing."""

    def __init__(self) -> None:
        super().__init__()
        table = np.random.default_rng(0).normal(size=[BUCKETS, 4])
        self.table = tf.Variable(table, dtype=tf.float32, name="table")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, inputs):
        words = tf.strings.split(inputs)
        rows = tf.strings.to_hash_bucket_fast(words.values, BUCKETS)
        return tf.reduce_mean(words.with_values(tf.gather(self.table, rows)), axis=1)


@pytest.fixture(scope="module")
def module(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("module") / "bag"
    tf.saved_model.save(Bag(), str(folder))
    return str(folder)


def pack_world(folder: Path, *, permuted: bool = False) -> Dataset:
    """Packs the world; permuted, every item has the description of another."""
    path = write_world(draw_world(WORLD), folder / "catalogue")
    if permuted:
        table = path.parent / "items.jsonl"
        rows = [json.loads(line) for line in table.open()]
        others = np.random.default_rng(0).permutation([row["description"] for row in rows])
        rows = [{**r, "description": str(o)} for r, o in zip(rows, others, strict=True)]
        table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pack(path, folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def best_on(dataset: Dataset, module: str, learning_rate: float | None) -> tuple[float, float]:
    """The best valid NDCG@10, and how far the encoder's weights moved; frozen without a rate."""
    finetune = {"description": {"learning_rate": learning_rate}} if learning_rate else {}
    encoders = {"description": f"hub:{module}"}
    bundle = build_bundle(
        dataset, dataclasses.replace(CONFIG, encoders=encoders, finetune=finetune)
    )
    (table,) = bundle.items.encoders["description"].module.weights_to_train()
    start = table.numpy()
    metrics = fit(bundle)
    return metrics["ndcg@10"], float(np.abs(table.numpy() - start).max())


@pytest.mark.slow
def test_a_trained_encoder_beats_the_frozen_one(tmp_path: Path, module: str) -> None:
    """Against the same world with the descriptions permuted between its items."""
    (tmp_path / "null").mkdir()
    dataset, permuted = pack_world(tmp_path), pack_world(tmp_path / "null", permuted=True)
    frozen, still = best_on(dataset, module, None)
    trained, moved = best_on(dataset, module, 0.03)
    null, _ = best_on(permuted, module, 0.03)
    print(f"valid NDCG@10: frozen {frozen:.3f}, trained {trained:.3f}, permuted {null:.3f}")
    assert still == 0.0
    assert moved > 0.1
    assert trained >= 1.4 * frozen
    assert trained >= 1.2 * null
