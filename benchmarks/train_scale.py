"""Times a training step by the size of the catalog; prints Markdown.

python benchmarks/train_scale.py --sizes 10000,100000,1000000,10000000 --folder FOLDER

An item has a category and a number. The log has the same number of events and, unless `--chosen`
says otherwise, of distinct items at every size, so that batches differ in nothing but the rows of
their items. Popularity follows Zipf's law.

Each size is trained in a process of its own, so that the peak memory is its own: `before training`
is that of opening the data folder and building the model, and `peak` includes the steps. Times are
medians over rounds.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tfmmrec.cli import run_script
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.batches import create_batches
from tfmmrec.training.train_step import Trainer

SIZES = (10_000, 100_000, 1_000_000)
_DATASET = """
items:
  table: items.csv
  id: item_id
  features: {genre: {modality: categorical}, price: {modality: number}}
interactions: {table: log.csv, user: user, item: item, time: time}
"""
_ROWS_AT_A_TIME = 100_000


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one size costs: medians of ms per step, and MiB of memory."""

    num_items: int
    distinct: float
    processor: float
    wall: float
    before: float
    peak: float


def main(
    *,
    sizes: list[int] | None = None,
    folder: Path | None = None,
    config: Path | None = None,
    chosen: int = 10_000,
    num_users: int = 5_000,
    batch_size: int = 1024,
    steps: int = 20,
    rounds: int = 5,
) -> None:
    """Draws, packs and trains each size.

    Args:
        sizes: numbers of items, N,N; default 10000,100000,1000000.
        folder: where data folders are kept for the next time; default a temporary one.
        config: a training file; its history encoder is replaced by `mean`.
        chosen: number of items that the log may contain; 0 for all of them.
        num_users: number of users with 60 events each.
        batch_size: events per step.
        steps: number of steps per round.
        rounds: number of rounds.
    """
    with tempfile.TemporaryDirectory() as temporary:
        found = []
        for size in sizes or SIZES:
            popular = min(chosen or size, size)
            data = (folder or Path(temporary)) / f"{size}-items-{popular}-chosen-{num_users}-users"
            if not data.exists():
                pack_drawn(data, size, popular, num_users)
            found.append(in_own_process(data, config, batch_size, steps, rounds))
        print_table(found, batch_size)


def pack_drawn(data: Path, num_items: int, chosen: int, num_users: int) -> None:
    """Draws a catalog, and packs and encodes it in processes of their own."""
    data.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data.parent) as name:
        folder = Path(name)
        write_items(folder / "items.csv", num_items)
        write_log(folder / "log.csv", num_items, chosen, num_users)
        (folder / "dataset.yaml").write_text(_DATASET)
        run("pack", folder / "dataset.yaml", "--out", data)
    # Not while the model is trained, whose memory is measured.
    run("encode", data)


def run(command: str, *arguments: object) -> None:
    words = [sys.executable, "-m", "tfmmrec", command, *map(str, arguments), "--quiet"]
    if subprocess.run(words, stdout=subprocess.DEVNULL).returncode:
        raise DataError(f"tfmmrec {command} {arguments[0]}: failed")


def write_items(path: Path, count: int) -> None:
    chance = np.random.default_rng(0)
    schema = pa.schema([("item_id", pa.string()), ("genre", pa.string()), ("price", pa.float64())])
    with pyarrow.csv.CSVWriter(path, schema) as writer:
        for start in range(0, count, _ROWS_AT_A_TIME):
            rows = range(start, min(start + _ROWS_AT_A_TIME, count))
            genres = chance.integers(0, 200, len(rows)).tolist()
            columns = [[f"i{row}" for row in rows], [f"genre-{genre}" for genre in genres]]
            prices = chance.normal(size=len(rows)).round(3)
            writer.write_batch(pa.record_batch([*columns, prices], schema))


def write_log(path: Path, num_items: int, chosen: int, num_users: int, length: int = 60) -> None:
    """Draws histories from `chosen` items, which are spread evenly over the catalog."""
    chance = np.random.default_rng(1)
    shares = np.cumsum(1.0 / np.arange(1, chosen + 1))
    ranks = np.searchsorted(shares, chance.random(num_users * length) * shares[-1])
    items = ranks * (num_items // chosen)
    columns = {
        "user": [f"u{event // length}" for event in range(len(items))],
        "item": [f"i{item}" for item in items.tolist()],
        "time": 1_600_000_000 + 3600 * (np.arange(len(items)) % length),
    }
    pyarrow.csv.write_csv(pa.table(columns), path)


def in_own_process(*arguments: object) -> Measured:
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(measure, *arguments).result()


def measure(data: Path, config: Path | None, batch_size: int, steps: int, rounds: int) -> Measured:
    """Trains a model for some steps by `fit`."""
    options = dataclasses.replace(
        read_training_file(config, quiet=True), query={"kind": "mean"}, batch_size=batch_size
    )
    bundle = build_bundle(Dataset(data), options)
    batches = create_batches(bundle)
    trainer = Trainer(bundle.model, options, batches.steps_per_epoch)
    trainer.compile(trainer.optimizer_step.optimizer)
    examples, before = batches.epochs(0), peak()
    trainer.fit(examples, steps_per_epoch=steps, verbose=0)  # a warm-up
    processor, wall = [], []
    for _ in range(rounds):
        start = time.process_time(), time.perf_counter()
        trainer.fit(examples, steps_per_epoch=steps, verbose=0)
        processor.append(1e3 * (time.process_time() - start[0]) / steps)
        wall.append(1e3 * (time.perf_counter() - start[1]) / steps)
    distinct = [
        len(np.setdiff1d(np.append(batch["history"], batch["item"]), [-1]))
        for batch in examples.take(5).as_numpy_iterator()
    ]
    medians = [statistics.median(times) for times in (processor, wall)]
    return Measured(
        bundle.dataset.count("items"), float(np.mean(distinct)), *medians, before, peak()
    )


def peak() -> float:
    """Returns the peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_table(found: list[Measured], batch_size: int) -> None:
    first = found[0]
    rows = [
        [
            f"{own.num_items:,}",
            f"{own.distinct:,.0f}",
            f"{own.processor:,.1f}",
            f"{own.wall:,.1f}",
            f"{own.processor / first.processor:,.2f}",
            f"{own.before:,.0f} MiB",
            f"{own.peak:,.0f} MiB",
        ]
        for own in found
    ]
    head = ["items", f"distinct items in a batch of {batch_size:,}", "processor ms per step"]
    head += ["wall ms per step", f"processor relative to {first.num_items:,} items"]
    print(markdown_table([*head, "memory before training", "peak memory"], rows), flush=True)


if __name__ == "__main__":
    run_script(main)
