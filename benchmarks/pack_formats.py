"""Times the packing of tables by their format and prints a Markdown table of processor seconds.

python benchmarks/pack_formats.py --rounds 5

Every format holds the same random items and events. The time is that of the processor, of all
threads together: the median of the rounds, followed by the lowest and the highest.
"""

import csv
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pack
import pyarrow as pa
import pyarrow.parquet

import tfmmrec.cli
from tfmmrec.data.dataset_file import read_dataset_file

_FORMATS = ("csv", "jsonl", "parquet")
_ITEMS = """
items:
  table: items.FORMAT
  id: id
  features:
    title: {modality: text}
    plot: {modality: text}
    genres: {modality: categorical, separator: "|"}
    brand: {modality: categorical}
    year: {modality: number}
    price: {modality: number}
interactions: {table: log/log.csv, user: user, item: item, time: time}
"""
_WORDS = [a + b for a in "bdfgklmnprst" for b in ("ang", "eel", "oor", "ust")]
_GENRES = ["action", "comedy", "crime", "drama", "horror", "romance", "war", "western"]

Rows = list[dict[str, Any]]


def main(*, items: int = 100_000, events: int = 300_000, rounds: int = 5) -> None:
    """Times the packing of items and of interactions from csv, JSON lines and Parquet.

    Args:
        items: number of items, each with two texts, two categorical features and two numbers.
        events: number of interactions, 100 per user.
        rounds: number of rounds; each table is packed once per round, after a warm-up.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contestants = write_tables(folder, items, events)
        seconds: dict[str, list[float]] = {title: [] for title in contestants}
        for turn in range(rounds + 1):
            for title, run in contestants.items():
                start = time.process_time()
                run(folder / "out")
                spent = time.process_time() - start
                shutil.rmtree(folder / "out")
                if turn:  # the first turn is a warm-up
                    seconds[title].append(spent)
    print("| table | processor seconds |\n|---|---|")
    for title, times in seconds.items():
        spread = f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"
        print(f"| {title} | {spread} |")


def write_tables(folder: Path, items: int, events: int) -> dict[str, Callable[[Path], None]]:
    """Writes the tables in each format; returns what packs each one to a folder."""
    drawn = list(_draw_items(items))
    pack.draw_log(folder / "log", events)
    with (folder / "log" / "log.csv").open(newline="") as lines:
        log = [
            {**row, "time": int(row["time"]), "rating": int(row["rating"])}
            for row in csv.DictReader(lines)
        ]
    described = (folder / "log" / "log.yaml").read_text()
    found: dict[str, Callable[[Path], None]] = {}
    for name in _FORMATS:
        _write(folder / f"items.{name}", drawn)
        _write(folder / "log" / f"log.{name}", log)
        of_items, of_log = folder / f"{name}.yaml", folder / "log" / f"{name}.yaml"
        of_items.write_text(_ITEMS.replace("FORMAT", name))
        of_log.write_text(described.replace("log.csv", f"log.{name}"))
        found[f"items, {name}"] = _pack(pack.pack_items, of_items)
        found[f"interactions, {name}"] = _pack(pack.pack_log, of_log)
    return found


def _pack(packer: Callable[[Any, Path], None], dataset: Path) -> Callable[[Path], None]:
    catalog = read_dataset_file(dataset)
    return lambda out: packer(catalog, out)


def _draw_items(count: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for number in range(count):
        words = rng.choice(_WORDS, 46)
        yield {
            "id": f"i{number}",
            "title": " ".join(words[:6]),
            "plot": " ".join(words[6:]) if number % 10 else None,
            "genres": rng.choice(_GENRES, rng.integers(1, 4), replace=False).tolist(),
            "brand": f"brand {int(1000 * rng.random() ** 2)}",
            "year": int(rng.integers(1950, 2025)),
            "price": round(float(rng.gamma(2, 10)), 2),
        }


def _write(path: Path, rows: Rows) -> None:
    """Writes a table; the lists of JSON lines and Parquet are joined in csv."""
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as lines:
            writer = csv.writer(lines)
            writer.writerow(rows[0])
            for row in rows:
                writer.writerow("|".join(v) if isinstance(v, list) else v for v in row.values())


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
