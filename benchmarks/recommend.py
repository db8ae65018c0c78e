"""Times recommending against the bare matrix product; prints a Markdown table.

python benchmarks/recommend.py --num-items 1000000 --num-users 200000 --measured-users 8192

A catalog of items with random vectors and a log of random events are packed in a temporary folder,
and a run with fresh weights is written. Then each contestant runs in a process of its own:

* recommending as `tfmmrec recommend --k 100 --out FILE` does, from reading the run to the file;
* the float32 matrix products alone, of the same blocks of users and of items, in as many threads;
* these products and `tf.math.top_k` of each block of scores, without merging the blocks.

The contestants take turns. Users per second are those of the median round, of the ranking alone:
reading the run and drawing the embeddings take as long for one user as for a million. Other
programs change the seconds by the clock, but hardly those of the processor.
"""

import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import numpy as np  # isort: skip
import pyarrow as pa  # isort: skip
import pyarrow.parquet  # isort: skip
import tensorflow as tf  # isort: skip

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.item_blocks import QUERIES
from tfmmrec.models.run_folder import save_run
from tfmmrec.reports.tables import markdown_table
from tfmmrec.serving.batch_ranker import BLOCK_SIZE
from tfmmrec.serving.batch_recommend import recommend_lines

ALONE, TOP_K, OURS = "matrix product alone", "product and tf.math.top_k", "recommend"
_DATASET = """
items: {table: items.parquet, id: item, features: {content: {modality: vector, dim: 16}}}
interactions: {table: log.parquet, user: user, item: item}
split: {by: none}
"""
_CONTENT_DIM = 16


def main(
    *,
    num_items: int = 1_000_000,
    num_users: int = 200_000,
    measured_users: int | None = None,
    events_per_user: int = 10,
    dim: int = 64,
    k: int = 100,
    rounds: int = 3,
    contestant: str | None = None,
    folder: Path | None = None,
) -> None:
    """Draws the data and times the contestants.

    Args:
        num_items: number of items.
        num_users: number of users.
        measured_users: number of users who get recommendations (default all).
        events_per_user: events of each user, whose items are excluded.
        dim: dimension of the embeddings.
        k: number of items per user.
        rounds: number of rounds; each contestant runs once per round.
        contestant: runs only this one, in the process and folder of a benchmark.
        folder: where data and run are made, or are from an earlier benchmark of the same sizes
            (default: temporary).
    """
    measured = num_users if measured_users is None else min(measured_users, num_users)
    if contestant is not None and folder is not None:
        if contestant == OURS:
            users = "all" if measured == num_users else None
            _print_result(_recommend(folder, users, measured, k), measured)
        else:
            _print_result(_product(measured, num_items, dim, k, contestant == TOP_K), measured)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if folder is None else folder
        options = {"num-items": num_items, "num-users": num_users, "measured-users": measured}
        options |= {"dim": dim, "k": k, "folder": folder}
        if not (folder / "run" / "run.json").exists():
            _make_run(folder, num_items, num_users, events_per_user, dim)
        found: dict[str, list[dict[str, float]]] = {ALONE: [], TOP_K: [], OURS: []}
        for number in range(rounds):
            names = list(found)[number % 3 :] + list(found)[: number % 3]
            for name in names:
                found[name].append(_in_a_process({**options, "contestant": name}))
    sizes = f"{measured:,} of {num_users:,} users, {num_items:,} items, k = {k}, dimension {dim}"
    columns = ["users per second", "per processor second", "of the product alone", "peak memory"]
    print(markdown_table([sizes, *columns], [_row(name, found) for name in found]))


def _row(name: str, found: dict[str, list[dict[str, float]]]) -> list[str]:
    own = {key: statistics.median(each[key] for each in found[name]) for key in found[name][0]}
    alone = statistics.median(each["per_processor_second"] for each in found[ALONE])
    return [
        name,
        f"{own['per_second']:,.0f}",
        f"{own['per_processor_second']:,.0f}",
        f"{own['per_processor_second'] / alone:.2f}",
        f"{own['peak']:,.0f} MiB",
    ]


def _make_run(folder: Path, num_items: int, num_users: int, events: int, dim: int) -> None:
    """Writes tables, packs them, and writes a run with fresh weights."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=num_items * _CONTENT_DIM).astype(np.float32)
    items = [f"i{row}" for row in range(num_items)]
    content = pa.FixedSizeListArray.from_arrays(pa.array(vectors), _CONTENT_DIM)
    pyarrow.parquet.write_table(
        pa.table({"item": items, "content": content}), folder / "items.parquet"
    )
    users = np.repeat([f"u{row}" for row in range(num_users)], events)
    # Some items are in many histories.
    rows = (num_items * draw.random(len(users)) ** 2).astype(int)
    log = pa.table({"user": users, "item": [items[row] for row in rows]})
    pyarrow.parquet.write_table(log, folder / "log.parquet")
    (folder / "set.yaml").write_text(_DATASET)
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    # An id embedding of every item, and no regression, which only a training fits.
    options = {"query": {"kind": "mean"}, "cold_start": {"weight": 0.0}, "refit": False}
    config = TrainConfig(**options, dim=dim, quiet=True)
    (folder / "run").mkdir()
    save_run(folder / "run", build_bundle(Dataset(folder / "data"), config), {})


def _in_a_process(options: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, __file__]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise DataError(f"{options['contestant']}: failed")
    return json.loads(done.stdout.splitlines()[-1])


def _print_result(seconds: tuple[float, float], num_users: int) -> None:
    clock, processor = seconds
    result = {"per_second": num_users / clock, "per_processor_second": num_users / processor}
    # Not ru_maxrss, which a child process inherits.
    peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    print(json.dumps({**result, "peak": int(peak) / 1024}))


def _timed(run: Callable[[], Any]) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - clock, time.process_time() - processor


def _recommend(folder: Path, users: str | None, num: int, k: int) -> tuple[float, float]:
    """The seconds of ranking and writing, after the run has been read."""
    names = [f"u{row}" for row in range(num)]
    lines = recommend_lines(folder / "run", users=users or names, k=k, quiet=True)
    with tempfile.TemporaryDirectory() as out:
        return _timed(lambda: lines.write(Path(out) / "recs.jsonl"))


def _product(
    num_users: int, num_items: int, dim: int, k: int, with_top_k: bool
) -> tuple[float, float]:
    num_blocks = -(-num_items // BLOCK_SIZE)
    blocks = tf.random.stateless_normal([num_blocks, dim, BLOCK_SIZE], [0, 0])
    users = tf.random.stateless_normal([num_users, dim], [0, 1])
    batches = [users[start : start + QUERIES] for start in range(0, num_users, QUERIES)]

    @tf.function(input_signature=[tf.TensorSpec([None, dim])])
    def multiply(queries: tf.Tensor) -> tf.Tensor:
        # One element of each result, so that none is optimized away.
        total = tf.zeros([])
        for at in tf.range(num_blocks):
            scores = tf.matmul(queries, blocks[at])
            total += (tf.math.top_k(scores, k).values if with_top_k else scores)[0, 0]
        return total

    multiply(batches[0][:1])  # traces the graph

    def run() -> None:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda queries: multiply(queries).numpy(), batches))

    return _timed(run)


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
