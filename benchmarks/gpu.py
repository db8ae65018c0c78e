"""Times training, encoding and exact ranking on one GPU; prints Markdown.

python benchmarks/gpu.py --config TRAIN.yaml
python benchmarks/gpu.py --device cpu --sizes small

`training`: steps per second with the input pipeline, and on one batch that stays on the device. The
difference is the share of time that the device waits for input.

`encoding`: values per second of `tfmmrec encode` with an empty cache, after a run that loads the
encoder. Frozen encoders compute in the precision in which they are saved.

`ranking`: users per second of dot products with all items, and the 10 best of them. tfmmrec ranks
in float32, in blocks of items. The scores of all items at once, in float32 and in bfloat16, show
what other ways would gain.

Without `--data`, the data are a synthetic catalog, see records/synthetic.py.
"""

import dataclasses
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import tensorflow as tf  # isort: skip

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.factory import create_encoder
from tfmmrec.errors import ConfigError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.item_blocks import ItemBlocks, query_batches
from tfmmrec.reports.tables import markdown_table
from tfmmrec.serving.batch_ranker import BLOCK_SIZE
from tfmmrec.training.batches import create_batches
from tfmmrec.training.train_step import Trainer

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
DIM, K = 64, 10


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    world: SyntheticConfig
    batch_sizes: tuple[int, ...]
    steps: int
    ranked_items: int
    ranked_users: int


SIZES = {
    "full": Sizes(
        SyntheticConfig(num_items=5000, num_users=5000, events_per_user=40, picture_size=128),
        batch_sizes=(1024, 8192, 65_536),
        steps=50,
        ranked_items=1_000_000,
        ranked_users=8192,
    ),
    "small": Sizes(
        SyntheticConfig(num_items=60, num_users=40, events_per_user=8),
        batch_sizes=(32, 64),
        steps=2,
        ranked_items=1000,
        ranked_users=512,
    ),
}


def main(
    *,
    data: Path | None = None,
    config: Path | None = None,
    device: str = "gpu",
    sizes: str = "full",
) -> None:
    """Prints a table for each of training, encoding and ranking.

    Args:
        data: a data folder (default: a synthetic catalog, packed in a temporary folder).
        config: a training file, whose encoders are timed.
        device: `gpu`, the first one, or `cpu`.
        sizes: `full`, or `small` for a quick run.
    """
    for name, given, known in (("device", device, ("gpu", "cpu")), ("sizes", sizes, SIZES)):
        if given not in known:
            raise ConfigError(f"{name}: must be among {', '.join(known)}. Received: {given}")
    where, size = choose_device(device), SIZES[sizes]
    options = read_training_file(config, quiet=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if data is None:
            pack(
                write_world(draw_world(size.world), folder / "catalog"),
                folder / "data",
                PackConfig(quiet=True),
            )
        dataset = Dataset(data or folder / "data")
        print_encoding(dataset, options, folder, where)
        print_training(dataset, options, size, where)
        print_ranking(size, where)


def choose_device(device: str) -> str:
    """Makes a device the only one; returns its name."""
    gpus = tf.config.list_physical_devices("GPU")
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return f"the processor {processor_name()}"
    if not gpus:
        raise ConfigError("device: TensorFlow finds no GPU; --device cpu times the processor")
    tf.config.set_visible_devices(gpus[:1], "GPU")
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)


def processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def print_encoding(dataset: Dataset, config: TrainConfig, folder: Path, where: str) -> None:
    rows = []
    for feature, modality in dataset.features("items").items():
        if modality.kind not in ("text", "image", "audio"):
            continue
        declaration = config.encoders.get(feature, "builtin")
        encoder = create_encoder(dataset, "items", feature, declaration)
        while encoder.base is not None:
            encoder = encoder.base
        for run in ("warm-up", "timed"):
            empty = Dataset(dataset.folder, cache=folder / f"{run}-{len(rows)}")
            found = encode_feature(empty, "items", feature, encoder, quiet=True)
        width = str(found.values.shape[-1])
        rows.append([feature, modality.kind, width, rate(found.num_encoded / found.seconds)])
    print(
        markdown_table([f"encoding on {where}", "modality", "width", "values/s"], rows), end="\n\n"
    )


def print_training(dataset: Dataset, config: TrainConfig, size: Sizes, where: str) -> None:
    rows = []
    for dtype, precision in PRECISIONS.items():
        for batch_size in size.batch_sizes:
            options = dataclasses.replace(config, batch_size=batch_size, precision=precision)
            fed, resident = step_seconds(dataset, options, size.steps)
            waiting = f"{max(0.0, 1 - resident / fed):.0%}"
            rates = [rate(1 / fed), rate(batch_size / fed), rate(1 / resident)]
            rows.append([f"batch {batch_size:,}", dtype, *rates, waiting])
    head = [f"training on {where}", "precision", "steps/s", "examples/s", "steps/s on one batch"]
    print(markdown_table([*head, "share of waiting for input"], rows), end="\n\n", flush=True)


def step_seconds(dataset: Dataset, config: TrainConfig, steps: int) -> tuple[float, float]:
    """Returns the seconds of a step with the input pipeline, and on one batch on the device."""
    tf.keras.backend.clear_session()
    bundle = build_bundle(dataset, config)
    batches = create_batches(bundle)
    num_events = len(bundle.histories.items)
    if num_events < config.batch_size:
        raise ConfigError(
            f"{dataset.folder}: has {num_events:,} events to train on, fewer than a batch of "
            f"{config.batch_size:,}"
        )
    step = tf.function(Trainer(bundle.model, config, batches.steps_per_epoch).train_step)
    examples = iter(batches.epochs(0))
    with tf.device("GPU:0" if tf.config.get_visible_devices("GPU") else "CPU:0"):
        one = {name: tf.identity(value) for name, value in next(examples).items()}

    def train(next_batch: Callable[[], dict[str, tf.Tensor]]) -> None:
        for _ in range(steps):
            loss = step(next_batch())["loss"]
        loss.numpy()  # waits for the device

    fed, resident = (
        seconds(lambda: train(lambda: next(examples))),
        seconds(lambda: train(lambda: one)),
    )
    return fed / steps, resident / steps


def print_ranking(size: Sizes, where: str) -> None:
    """Ranks random embeddings; no user has excluded items."""
    draw = np.random.default_rng(0)
    items = draw.normal(size=[size.ranked_items, DIM]).astype(np.float32)
    users = draw.normal(size=[size.ranked_users, DIM]).astype(np.float32)
    blocks = ItemBlocks(items, np.ones(len(items), bool), block_size=BLOCK_SIZE)
    none = np.zeros(0, np.int64)
    contestants: dict[tuple[str, str], Callable[[np.ndarray], Any]] = {
        ("in blocks, as tfmmrec ranks", "float32"): lambda some: blocks.best(some, K, none, none),
        **{("all scores at once", dtype): whole_ranker(items, dtype) for dtype in PRECISIONS},
    }
    rows = []
    for name, rank in contestants.items():

        def rank_all(rank: Callable[[np.ndarray], Any] = rank) -> None:
            for batch in query_batches(len(users)):
                rank(users[batch])

        rows.append([*name, rate(len(users) / seconds(rank_all))])
    what = f"exact ranking of {size.ranked_items:,} items, dimension {DIM}, on {where}"
    print(markdown_table([what, "precision", "users/s"], rows), flush=True)


def whole_ranker(items: np.ndarray, dtype: str) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function that ranks by a single product with all items."""
    catalog = tf.cast(items, dtype)

    @tf.function(input_signature=[tf.TensorSpec([None, DIM])])
    def rank(users: tf.Tensor) -> tf.Tensor:
        scores = tf.matmul(tf.cast(users, dtype), catalog, transpose_b=True)
        return tf.math.top_k(tf.cast(scores, tf.float32), K).indices

    return lambda users: rank(users).numpy()


def seconds(run: Callable[[], None], rounds: int = 3) -> float:
    """Returns the median seconds of a run, after one that traces the graphs."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
