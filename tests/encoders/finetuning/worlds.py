"""A small catalog of titles to train on, and modules whose outputs are computed by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import yaml

from tests.once import CONTENT_ALONE, ONCE
from tfmmrec.config.finetuning import FinetuneConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.finetuning import MediaStore, TrainableFeature
from tfmmrec.encoders.hub.encoder import HubEncoder

STRINGS = tf.TensorSpec([None], tf.string, "inputs")
TITLES = ("ab", "b", "", "ccc", "a", "bc", "cab", "", "aa", "cc")


class Letters(tf.Module):
    """How often a, b and c are in a text, less a moving average in serving, times a table.

    In training, the average moves halfway to the mean of the batch, which is what is taken off.
    `still` is read, and no gradient comes to it.
    """

    def __init__(self, dtype: tf.DType, average: bool):
        super().__init__()
        self.table = tf.Variable([[1, 2], [3, 4], [5, 7]], dtype=dtype, name="table")
        self.bias = tf.Variable([1, 1], dtype=dtype, name="bias")
        self.still = tf.Variable([1.0], name="still")
        self.average = tf.Variable([0.0] * 3, trainable=False, name="average")
        self.optimizer_step = average

    @tf.function
    def __call__(self, inputs, training=False):
        letters = tf.strings.unicode_split(inputs, "UTF-8").to_tensor("")[:, :, tf.newaxis]
        counts = tf.reduce_sum(tf.cast(letters == tf.constant(["a", "b", "c"]), tf.float32), axis=1)
        if training and self.optimizer_step:
            mean = tf.reduce_mean(counts, axis=0)
            self.average.assign(0.5 * (self.average + mean))
        else:
            mean = self.average + 0.0
        table, bias = (tf.cast(v, tf.float32) for v in (self.table, self.bias))
        return tf.matmul(counts - mean, table) + bias * tf.stop_gradient(self.still)


def letters_module(folder: Path, *, dtype: tf.DType = tf.float32, average: bool = True) -> str:
    module = Letters(dtype, average)
    for training in (True, False):
        module.__call__.get_concrete_function(STRINGS, training=training)
    tf.saved_model.save(module, str(folder))
    return str(folder)


def pack_titles(folder: Path, titles: Sequence[str] = TITLES) -> Dataset:
    """Packs items i0, i1, … with titles, of which each of eight users chose six."""
    rows = [{"id": f"i{n}", "title": t} for n, t in enumerate(titles)]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    chosen = [f"u{u},i{(u + n * n) % len(titles)},{n}" for u in range(8) for n in range(6)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *chosen]))
    feature = {"modality": "text", "optional": True}
    content = {
        "items": {"table": "items.jsonl", "id": "id", "features": {"title": feature}},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        # Without a valid split, the last epoch is the best.
        "split": {"by": "none"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def row_of(dataset: Dataset, number: int) -> int:
    return dataset.item_rows[f"i{number}"]


def trainable_titles(dataset: Dataset, handle: str, **options: Any) -> TrainableFeature:
    encoder = HubEncoder("text", handle, trainable=True)
    options = {"learning_rate": 0.01, **options}
    raw = MediaStore(dataset, "items", "title")
    return TrainableFeature("title", encoder, raw, FinetuneConfig(**options))


def without_chance(handle: str, **options: Any) -> TrainConfig:
    """A config that draws nothing in training, so that two runs of it are the same."""
    defaults: dict[str, Any] = {
        "encoders": {"title": f"hub:{handle}"},
        "finetune": ["title"],
        "dim": 4,
        "batch_size": 4,
        **ONCE,
        **CONTENT_ALONE,
        "epochs": 4,
        "patience": 10,
        "dropout": 0.0,
        "id_embedding_dropout": 0.0,
        "modality_dropout": 0.0,
        "query": {"kind": "mean", "dropout": 0.0},
        "quiet": True,
    }
    return TrainConfig(**{**defaults, **options})
