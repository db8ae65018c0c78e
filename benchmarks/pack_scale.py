"""Packs a large catalog of texts in a separate process; prints its speed and its peak memory.

python benchmarks/pack_scale.py --num-items 1000000 --num-events 10000000
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tfmmrec.cli import run_script
from tfmmrec.errors import DataError

_DATASET = """
items:
  table: items.jsonl
  id: item_id
  features:
    title: {modality: text}
    plot: {modality: text}
    genre: {modality: categorical}
    year: {modality: number}
interactions: {table: log.csv, user: user, item: item, time: time, rating: rating,
  positive: "rating >= 4"}
"""
_ROWS_AT_A_TIME = 100_000


def main(
    *,
    num_items: int = 1_000_000,
    num_events: int = 10_000_000,
    num_users: int = 200_000,
    split: str = "last_out",
) -> None:
    """Generates the catalog in a temporary folder and packs it.

    Args:
        num_items: number of items, each with a title, a plot of 30 words, a genre and a year.
        num_events: number of interactions, with a skewed popularity of items.
        num_users: number of users.
        split: `last_out`, `time` or `random`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _draw_items(folder / "items.jsonl", num_items)
        _draw_log(folder / "log.csv", num_items, num_events, num_users)
        (folder / "data.yaml").write_text(f"{_DATASET}split: {{by: {split}}}\n")
        sizes = {path.name: path.stat().st_size / 1e6 for path in folder.iterdir()}
        command = [sys.executable, "-m", "tfmmrec", "pack", str(folder / "data.yaml")]
        start = time.perf_counter()
        if subprocess.run([*command, "--out", str(folder / "data"), "--quiet"]).returncode:
            raise DataError(f"{folder}: the pack failed")
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print("| split | items | interactions | tables | seconds | rows/s | peak resident memory |")
        print("|---|---|---|---|---|---|---|")
        print(
            f"| {split} | {num_items:,} | {num_events:,} | {sum(sizes.values()):,.0f} MB "
            f"| {seconds:.0f} | {(num_items + num_events) / seconds:,.0f} | {peak:,.0f} MiB |"
        )


def _draw_items(path: Path, count: int) -> None:
    chance = np.random.default_rng(0)
    words = np.array([f"w{n}" for n in range(5000)])
    with path.open("w", encoding="utf-8") as lines:
        for start in range(0, count, _ROWS_AT_A_TIME):
            for number, drawn in enumerate(
                chance.integers(0, 5000, (min(_ROWS_AT_A_TIME, count - start), 30)), start
            ):
                plot = " ".join(words[drawn])
                row = {"item_id": f"item-{number:08d}", "title": plot[:30], "plot": plot}
                row |= {"genre": f"g{drawn[0] % 20}", "year": int(1950 + drawn[1] % 70)}
                lines.write(json.dumps(row) + "\n")


def _draw_log(path: Path, items: int, events: int, users: int) -> None:
    chance = np.random.default_rng(1)
    schema = pa.schema(
        [("user", pa.string()), ("item", pa.string()), ("time", pa.int64()), ("rating", pa.int64())]
    )
    with pyarrow.csv.CSVWriter(path, schema) as writer:
        for start in range(0, events, _ROWS_AT_A_TIME):
            count = min(_ROWS_AT_A_TIME, events - start)
            interacted = (items * chance.random(count) ** 2).astype(int).tolist()
            columns = [
                [f"user-{n}" for n in chance.integers(0, users, count).tolist()],
                [f"item-{n:08d}" for n in interacted],
                chance.integers(1_500_000_000, 1_700_000_000, count),
                chance.integers(1, 6, count),
            ]
            writer.write_batch(pa.record_batch(columns, schema))


if __name__ == "__main__":
    run_script(main)
