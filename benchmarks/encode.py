"""Times encoding against a plain loop over the same encoder and prints a Markdown table.

python benchmarks/encode.py DATA --config TRAIN.yaml --rows 256 --rounds 7

tfmmrec starts from an empty cache: it reads values from the records, hashes and decodes them, runs
the encoder, and writes the outputs by value and as a table. The plain loop has its values in
memory, decodes and resizes them by tf.data ahead of the encoder, and keeps the outputs in memory.
Both trace the graph of the loaded encoder, as they would once per run. The encoder alone starts
from its traced graph and from decoded batches in memory.

Contestants run once per round, in an order that rotates from round to round. Rates are medians, and
ratios are medians of the rounds' ratios, followed by the lowest and the highest.
"""

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import tensorflow as tf  # isort: skip
import tensorflow_hub as hub  # isort: skip

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.tfrecords import compression, shards
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.factory import create_encoders

_BATCH = 32

Contestants = dict[str, Callable[[], Any]]


def main(data: Path, *, config: Path | None = None, rows: int = 256, rounds: int = 7) -> None:
    """Times the encoding of each text and image feature of the items.

    Args:
        data: a data folder.
        config: a training file, whose encoders are timed.
        rows: number of items; the first ones are used.
        rounds: number of rounds; each contestant runs once per round.
    """
    settings = TrainConfig(**(yaml.safe_load(config.read_text()) if config else {}))
    print(
        f"| {rows} items | tfmmrec, rows/s | plain loop, rows/s | encoder alone, rows/s "
        "| tfmmrec relative to the plain loop | relative to the encoder alone "
        "|\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = Dataset(first_rows(Path(data), folder / "data", rows), cache=folder / "warm")
        encoders = create_encoders(dataset, "items", settings.encoders, quiet=True)
        for feature, encoder in encoders.items():
            kind = dataset.features("items")[feature].kind
            if kind in ("text", "image"):
                while encoder.base is not None:
                    encoder = encoder.base
                ours = encode_afresh(dataset, feature, encoder, folder / "cold")
                count, others = plain_loops(dataset, feature, encoder, kind)
                race(feature, count, {"tfmmrec": ours, **others}, rounds)


def first_rows(data: Path, out: Path, rows: int) -> Path:
    """Copies a data folder, restricted to its first items."""
    shutil.copytree(data, out, ignore=lambda _, names: {"items", "cache"} & set(names))
    (out / "items").mkdir()
    path = out / "items" / "part-00000.tfrecord"
    paths = shards(data / "items")
    with tf.io.TFRecordWriter(str(path)) as writer:
        records = tf.data.TFRecordDataset([str(shard) for shard in paths], compression(paths[0]))
        for record in records.take(rows):
            writer.write(record.numpy())
    ids = out / "vocabulary" / "item_ids.txt"
    ids.write_text("".join(ids.read_text().splitlines(keepends=True)[:rows]))
    manifest = json.loads((out / "MANIFEST.json").read_text())
    files = {name: v for name, v in manifest["files"].items() if not name.startswith("items/")}
    files["items/part-00000.tfrecord"] = {"bytes": path.stat().st_size, "sha256": "of a part"}
    (out / "MANIFEST.json").write_text(json.dumps({**manifest, "files": files}))
    return out


def encode_afresh(dataset: Dataset, feature: str, encoder: Any, cache: Path) -> Callable[[], Any]:
    """Returns a contestant that encodes as `tfmmrec encode` does, from an empty cache."""

    def run() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        cold = Dataset(dataset.folder, cache=cache)
        encode_feature(cold, "items", feature, encoder, quiet=True)

    return run


def plain_loops(dataset: Dataset, feature: str, encoder: Any, kind: str) -> tuple[int, Contestants]:
    """Returns the number of values and two contestants without a cache, on the same module."""
    [values] = [batch.numpy() for batch in dataset.values("items", feature, 10**9)]
    values = [value for value in values if value]
    layer = hub.KerasLayer(encoder.handle)
    size = [encoder.inputs.options()["picture_size"]] * 2 if kind == "image" else []
    spec = tf.TensorSpec([None, *size, 3], tf.float32) if size else tf.TensorSpec([None], tf.string)

    def graph() -> Callable[[tf.Tensor], tf.Tensor]:
        return tf.function(lambda batch: layer(batch, training=False), input_signature=[spec])

    warm = graph()

    def decode(data: tf.Tensor) -> tf.Tensor:
        picture = tf.io.decode_image(data, channels=3, dtype=tf.float32, expand_animations=False)
        return tf.image.resize(picture, size, antialias=True)

    def batches() -> tf.data.Dataset:
        single = tf.data.Dataset.from_tensor_slices(values)
        if size:
            single = single.map(decode, tf.data.AUTOTUNE)
        return single.batch(_BATCH).prefetch(tf.data.AUTOTUNE)

    def loop() -> list[Any]:
        encode = graph()
        return [encode(batch).numpy() for batch in batches()]

    ready = list(batches())
    return len(values), {
        "plain loop": loop,
        "encoder alone": lambda: [warm(batch).numpy() for batch in ready],
    }


def race(feature: str, count: int, contestants: Contestants, rounds: int) -> None:
    """Runs the contestants in turns and prints a table row of their rates and ratios."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            contestants[name]()
            if turn:  # the first turn is a warm-up
                seconds[name].append(time.perf_counter() - start)
    ours, *theirs = seconds.values()
    columns = [f"{count / statistics.median(times):,.1f}" for times in seconds.values()]
    for times in theirs:
        ratios = [other / own for own, other in zip(ours, times, strict=True)]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        columns.append(f"{statistics.median(ratios):.2f} {spread}")
    print(f"| {feature} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
