"""Times packing and reading against plain loops and prints Markdown tables.

python benchmarks/pack.py CATALOG/dataset.yaml --rounds 7

Each contestant runs once per round, in an order that rotates from round to round. Rates are medians
of the rounds, and ratios are medians of the rounds' ratios, followed by the lowest and the highest.
"""

import csv
import importlib.util
import itertools
import json
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras

import tensorflow as tf  # isort: skip

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset_file import DatasetFile, read_dataset_file
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions.records import read_events
from tfmmrec.data.packing.entity_packer import EntityPacker
from tfmmrec.data.packing.interaction_packer import InteractionPacker
from tfmmrec.data.packing.journal import Journal
from tfmmrec.data.packing.statistics import Rejects
from tfmmrec.data.tfrecords import Shard, encode_example

_BEAM_ROWS = 20_000
_QUIET = PackConfig(max_rejects=1.0, quiet=True)
_ROW_FEATURES = {
    "user": tf.io.FixedLenFeature([], tf.int64),
    "item": tf.io.FixedLenFeature([], tf.int64),
    "time": tf.io.FixedLenFeature([], tf.int64),
    "rating": tf.io.FixedLenFeature([], tf.float32),
    "positive": tf.io.FixedLenFeature([], tf.int64),
}

Contestant = Callable[[Path], Any]


def main(dataset: Path, *, rounds: int = 7, events: int = 1_000_000) -> None:
    """Times the packing of items, and the packing and reading of interactions.

    Args:
        dataset: dataset file of a catalog with its items as JSON lines, with or without media.
        rounds: number of rounds; each contestant runs once per round.
        events: number of random events for the tables of interactions.
    """
    catalog = read_dataset_file(dataset)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        num_items = sum(1 for _ in catalog.items.source.path.open("rb"))
        _race(
            f"items of {catalog.name}",
            num_items,
            {"tfmmrec": lambda out: pack_items(catalog, out), "plain loop": write_items(catalog)},
            rounds,
            folder,
        )
        log = draw_log(folder / "log", events)
        rows = log.interactions.source.path
        packing: dict[str, Contestant] = {
            "tfmmrec, from csv to shards": lambda out: pack_log(log, out),
            "one Example per row, from csv to shard": lambda out: write_rows(rows, out),
        }
        counts = dict.fromkeys(packing, events)
        if importlib.util.find_spec("apache_beam"):
            name = "one Example per row, Beam's local runner"
            counts[name] = min(events, _BEAM_ROWS)
            packing[name] = lambda out: write_rows_on_beam(rows, out)
        _race("packing interactions", counts, packing, rounds, folder)
        pack_log(log, folder / "histories")
        write_rows(rows, folder / "rows")
        shard = folder / "rows" / "part-00000.tfrecord"
        one_at_a_time = "one Example per row, parsed one at a time"
        reading: dict[str, Contestant] = {
            "tfmmrec": lambda out: read_events(folder / "histories" / "interactions" / "train"),
            "one Example per row, parsed in batches": lambda out: read_rows(shard, 1024),
            one_at_a_time: lambda out: read_rows(shard, 0, events // 10),
        }
        counts = dict.fromkeys(reading, events)
        counts[one_at_a_time] = events // 10
        _race("reading interactions", counts, reading, rounds, folder)


def _race(
    title: str,
    count: int | dict[str, int],
    contestants: dict[str, Contestant],
    rounds: int,
    folder: Path,
) -> None:
    """Runs the contestants in turns; prints their rates and the ratio of the first to each."""
    counts = count if isinstance(count, dict) else dict.fromkeys(contestants, count)
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            out = folder / "out"
            start = time.perf_counter()
            contestants[name](out)
            seconds = time.perf_counter() - start
            shutil.rmtree(out, ignore_errors=True)
            if turn:  # the first turn is a warm-up
                rates[name].append(counts[name] / seconds)
    print(f"\n| {title} | rows/s | speed of tfmmrec relative to it |\n|---|---|---|")
    for name in names:
        ratios = [ours / theirs for ours, theirs in zip(rates[names[0]], rates[name], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {statistics.median(rates[name]):,.0f} | {spread} |")


def pack_items(catalog: DatasetFile, out: Path) -> None:
    """Packs the items as `tfmmrec pack` does, including checks, statistics and checksums."""
    out.mkdir(parents=True)
    with (out / "rejects.jsonl").open("w", encoding="utf-8") as lines:
        EntityPacker(
            "items",
            catalog.items,
            catalog.schema().items,
            folder=out,
            journal=Journal(out / "notes"),
            rejects=Rejects(lines),
            options=_QUIET,
        ).pack(catalog.media)


def write_items(catalog: DatasetFile) -> Contestant:
    """Returns a contestant that reads the same files and writes the same records, unchecked."""
    kinds = {name: options["modality"] for name, options in catalog.items.features.items()}
    separators = {n: options.get("separator") for n, options in catalog.items.features.items()}

    def run(out: Path) -> None:
        out.mkdir(parents=True)
        with (
            tf.io.TFRecordWriter(str(out / "items.tfrecord")) as writer,
            catalog.items.source.path.open(encoding="utf-8") as lines,
        ):
            for line in lines:
                row = json.loads(line)
                example = tf.train.Example()
                feature = example.features.feature
                feature["id"].bytes_list.value.append(str(row[catalog.items.id]).encode())
                for name, kind in kinds.items():
                    value = row.get(name)
                    if value in (None, ""):
                        continue
                    if kind == "number":
                        feature[name].float_list.value.append(float(value))
                    elif kind in ("image", "audio"):
                        data = (catalog.folder / value).read_bytes()
                        feature[name].bytes_list.value.append(data)
                    elif kind == "categorical":
                        values = value if isinstance(value, list) else [value]
                        if separators[name]:
                            values = [part for v in values for part in v.split(separators[name])]
                        feature[name].bytes_list.value.extend(v.encode() for v in values)
                    else:
                        feature[name].bytes_list.value.append(str(value).encode())
                writer.write(example.SerializeToString())

    return run


def draw_log(folder: Path, events: int) -> DatasetFile:
    """Writes a log of 100 events per user over 20,000 items with a skewed popularity."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    users = rng.integers(0, max(1, events // 100), events)
    items = (20_000 * rng.random(events) ** 2).astype(np.int64)
    times = rng.integers(1_500_000_000, 1_700_000_000, events)
    ratings = rng.integers(1, 6, events)
    (folder / "items.csv").write_text("id\n" + "".join(f"i{n}\n" for n in range(20_000)))
    with (folder / "log.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["user", "item", "time", "rating"])
        writer.writerows(
            (f"u{u}", f"i{i}", t, r)
            for u, i, t, r in zip(users, items, times, ratings, strict=True)
        )
    (folder / "log.yaml").write_text(
        "items: {table: items.csv, id: id}\n"
        "interactions: {table: log.csv, user: user, item: item, time: time, rating: rating,\n"
        '  positive: "rating >= 4"}\n'
        "split: {by: none}\n"
    )
    return read_dataset_file(folder / "log.yaml")


def pack_log(log: DatasetFile, out: Path) -> None:
    """Packs the interactions as `tfmmrec pack` does: reads, checks, sorts, splits and writes."""
    out.mkdir(parents=True)
    with (out / "rejects.jsonl").open("w", encoding="utf-8") as lines:
        packer = InteractionPacker(
            log,
            IdIndex(f"i{n}" for n in range(20_000)),
            IdIndex(),
            folder=out,
            notes=out / "notes",
            journal=Journal(out / "notes"),
            rejects=Rejects(lines),
            options=_QUIET,
        )
        packer.read()
        packer.write()


def write_rows(table: Path, out: Path) -> None:
    """Writes one Example per row, in the order of the table, without any checks."""
    out.mkdir(parents=True)
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    with (
        tf.io.TFRecordWriter(str(out / "part-00000.tfrecord")) as writer,
        table.open(newline="") as lines,
    ):
        for row in csv.DictReader(lines):
            rating = float(row["rating"])
            example = tf.train.Example(
                features=tf.train.Features(
                    feature={
                        "user": _int(users.setdefault(row["user"], len(users))),
                        "item": _int(items.setdefault(row["item"], len(items))),
                        "time": _int(int(row["time"]) * 1000),
                        "rating": tf.train.Feature(float_list=tf.train.FloatList(value=[rating])),
                        "positive": _int(int(rating >= 4)),
                    }
                )
            )
            writer.write(example.SerializeToString())


def write_rows_on_beam(table: Path, out: Path) -> None:
    """Writes one Example per row for the first rows, by a Beam pipeline on its local runner."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    class Write(beam.DoFn):
        """Writes the records of a bundle to one file."""

        def start_bundle(self) -> None:
            self.shard = Shard(out, uuid.uuid4().int % 10**5)

        def process(self, record: bytes) -> None:
            self.shard.write(record)

        def finish_bundle(self) -> None:
            self.shard.close()

    out.mkdir(parents=True)
    with table.open("rb") as lines, (out / "log.csv").open("wb") as first:
        first.writelines(itertools.islice(lines, _BEAM_ROWS + 1))
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        (
            pipeline
            | beam.io.ReadFromText(str(out / "log.csv"), skip_header_lines=1)
            | beam.Map(_encode_line)
            | beam.ParDo(Write())
        )


def _encode_line(line: str) -> bytes:
    user, item, time_of_it, written = next(csv.reader([line]))
    rating = float(written)
    return encode_example(
        {
            "user": [int(user[1:])],
            "item": [int(item[1:])],
            "time": [int(time_of_it) * 1000],
            "rating": [rating],
            "positive": [int(rating >= 4)],
        }
    )


def _int(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def read_rows(shard: Path, batch_size: int, most: int = -1) -> None:
    """Reads one Example per row into arrays; a batch size of 0 parses one record at a time."""
    records = tf.data.TFRecordDataset(str(shard)).take(most)
    if batch_size:
        parsed = records.batch(batch_size).map(
            lambda batch: tf.io.parse_example(batch, _ROW_FEATURES), tf.data.AUTOTUNE
        )
    else:
        parsed = records.map(
            lambda record: tf.io.parse_single_example(record, _ROW_FEATURES), tf.data.AUTOTUNE
        ).batch(1024)
    columns = [[batch[name].numpy() for name in _ROW_FEATURES] for batch in parsed.prefetch(2)]
    for column in zip(*columns, strict=True):
        np.concatenate(column)


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
