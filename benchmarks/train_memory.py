"""Measures the memory of training and exporting a catalog with wide encodings; prints Markdown.

python benchmarks/train_memory.py --items 1000000 --encodings 384,384,1280 --folder FOLDER

Each item has one text per width, and a small encoder turns it into a vector of this width, so that
the tables of encodings have the sizes of a catalog with pretrained encoders. The commands of
tfmmrec run one after the other. Resident memory includes pages of memory-mapped files, which the
kernel drops when memory is short; anonymous memory does not. The peak of the latter is sampled ten
times per second.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import tensorflow as tf  # isort: skip

from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.errors import DataError
from tfmmrec.reports.tables import markdown_table

WIDTHS = (384, 384, 1280)
TRAINING = {"query": {"kind": "mean"}, "epochs": 1, "refit": False, "seed": 0}


def main(
    *,
    items: int = 1_000_000,
    encodings: list[int] | None = None,
    folder: Path | None = None,
    num_users: int = 500,
    features_on: str = "auto",
) -> None:
    """Packs and encodes a drawn catalog, trains for an epoch and exports the run.

    Args:
        items: number of items.
        encodings: widths of the encodings, N,N; default 384,384,1280.
        folder: where the data folder is kept for the next time; default a temporary one. A catalog
            takes twice the size of its encodings.
        num_users: number of users with 60 events each.
        features_on: the key of the training file, `auto`, `device` or `host`.
    """
    widths = list(encodings or WIDTHS)
    with tempfile.TemporaryDirectory() as temporary:
        root = (folder or Path(temporary)) / f"{items}-items-{'-'.join(map(str, widths))}"
        data, training = root / "data", root / "training.yaml"
        rows = []
        if not data.exists():
            write_training_file(training, root, widths)
            dataset = write_items_and_log(root / "catalog", items, len(widths), num_users)
            rows.append(run("pack", dataset, "--out", data))
            rows.append(run("encode", data, "--config", training))
        outputs = Path(temporary)
        place = ("--features-on", features_on)
        rows.append(run("train", data, "--config", training, "--out", outputs / "run", *place))
        rows.append(run("export", outputs / "run", "--out", outputs / "served"))
    title = f"{items:,} items, encodings of {', '.join(map(str, widths))}"
    head = [title, "seconds", "peak resident memory", "peak anonymous memory"]
    print(markdown_table(head, rows), flush=True)


class Encoder(tf.Module):
    """Turns a text into a vector by its hash."""

    def __init__(self, width: int):
        super().__init__()
        self.frequencies = tf.Variable(np.random.default_rng(width).normal(size=width).astype("f4"))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        numbers = tf.cast(tf.strings.to_hash_bucket_fast(texts, 1_000_000), tf.float32)
        return tf.sin(numbers[:, tf.newaxis] * self.frequencies)


def write_training_file(path: Path, root: Path, widths: list[int]) -> None:
    """Saves one encoder per feature, and the training file that names them."""
    handles = {}
    for number, width in enumerate(widths):
        tf.saved_model.save(Encoder(width), str(root / f"encoder-{number}"))
        handles[f"text_{number}"] = f"hub:{(root / f'encoder-{number}').absolute()}"
    path.write_text(yaml.safe_dump({"encoders": handles, **TRAINING}))


def write_items_and_log(
    folder: Path, num_items: int, num_features: int, num_users: int, length: int = 60
) -> Path:
    """Writes the catalog, with items that are equally popular in its log."""
    names = [f"text_{number}" for number in range(num_features)]
    chosen = np.random.default_rng(0).integers(0, num_items, num_users * length).tolist()
    return write_catalog(
        folder,
        name="wide encodings",
        items=(
            {"item_id": f"i{row}", **{name: f"{name} of {row}" for name in names}}
            for row in range(num_items)
        ),
        item_features={name: {"modality": "text"} for name in names},
        interactions=(
            {"user_id": f"u{event // length}", "item_id": f"i{row}", "timestamp": 3600 * event}
            for event, row in enumerate(chosen, start=500_000)
        ),
        overwrite=True,
    )


def run(command: str, *arguments: object) -> list[str]:
    """Runs a command of tfmmrec; returns its name, its seconds and its peaks of memory."""
    start, resident, anonymous = time.perf_counter(), 0.0, 0.0
    words = [sys.executable, "-m", "tfmmrec", command, *map(str, arguments), "--quiet"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            memory = memory_of(process.pid)
            resident = max(resident, memory.get("VmHWM", 0.0))
            anonymous = max(anonymous, memory.get("RssAnon", 0.0))
            time.sleep(0.1)
    if process.returncode:
        raise DataError(f"tfmmrec {command} {arguments[0]}: failed")
    seconds = time.perf_counter() - start
    return [command, f"{seconds:,.0f}", f"{resident:,.2f} GiB", f"{anonymous:,.2f} GiB"]


def memory_of(process: int) -> dict[str, float]:
    """Returns the memory of a process in GiB, by the names of /proc/PID/status."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}  # it has ended
    pairs = [line.split(":") for line in lines if line.startswith(("VmHWM", "RssAnon"))]
    return {name: int(value.split()[0]) / 2**20 for name, value in pairs}


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
