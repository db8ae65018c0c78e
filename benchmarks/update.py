"""Compares an updated model with one that is trained anew; prints Markdown.

python benchmarks/update.py CATALOG --out FOLDER --config TRAIN.yaml --share 0.1 --seeds 2

CATALOG is a folder as records/ writes it: items.jsonl, interactions.csv and dataset.yaml. A share
of its items is new: the earlier data have neither them nor their events, and of the other events
the training split alone. A model is trained on the earlier data and updated to the whole catalog
(`tfmmrec update`); another is trained on the whole catalog. Both predict its test split. Each row
has the NDCG@10 and the hit rate of targets that are known or new items, with 95 % bootstrap
intervals over users, means over the seeds. FOLDER keeps the data and the runs.
"""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import yaml

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.evaluate import EvaluationResult, evaluate
from tfmmrec.evaluation.metrics.bootstrap import Interval, clustered_interval
from tfmmrec.evaluation.segments import MODEL, K
from tfmmrec.models.update_run import update
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.train import train

_QUIET = PackConfig(quiet=True)


def main(
    catalog: Path,
    *,
    out: Path,
    config: Path | None = None,
    share: float = 0.1,
    seeds: int = 2,
) -> None:
    """Trains, updates, and prints the table.

    Args:
        catalog: folder of the tables.
        out: folder of the data and the runs; what it has is not made again.
        config: a training file.
        share: of the items that are new.
        seeds: number of seeds, from 0, of the model.
    """
    out.mkdir(parents=True, exist_ok=True)
    whole = out / "whole"
    if not whole.exists():
        pack(without_cold_start(catalog, out / "whole.yaml", catalog), whole, _QUIET)
    dataset = Dataset(whole)
    is_new = np.random.default_rng(0).random(len(dataset.item_ids)) < share
    earlier = out / "earlier"
    if not earlier.exists():
        pack(write_earlier(catalog, out / "earlier.catalog", dataset, is_new), earlier, _QUIET)
    base = read_training_file(config, quiet=True)
    found: dict[str, list[EvaluationResult]] = {"updated": [], "trained anew": []}
    for seed in range(seeds):
        seeded = dataclasses.replace(base, seed=seed)
        before = trained(earlier, out / f"before{seed}", seeded)
        if not (updated := out / f"updated{seed}").exists():
            update(before, whole, updated, quiet=True)
        anew = trained(whole, out / f"anew{seed}", seeded)
        for name, run in (("updated", updated), ("trained anew", anew)):
            found[name].append(evaluate(run, quiet=True))
    print_table(found, is_new)


def without_cold_start(catalog: Path, path: Path, tables: Path) -> Path:
    """Writes the dataset file of a catalog, with tables of another folder; returns its path."""
    content = yaml.safe_load((catalog / "dataset.yaml").read_text())
    content.pop("cold_items", None)
    content.pop("cold_users", None)
    content["media"] = str(catalog.resolve())
    for section in ("items", "users", "interactions"):
        if section in content:
            content[section]["table"] = str((tables / content[section]["table"]).resolve())
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def write_earlier(catalog: Path, folder: Path, dataset: Dataset, is_new: np.ndarray) -> Path:
    """Writes the tables without new items and held-out events; returns the dataset file."""
    events, item_ids, user_ids = dataset.events("train"), dataset.item_ids, dataset.user_ids
    known = ~is_new[events.item]
    pairs = {
        (user_ids[user], item_ids[item])
        for user, item in zip(events.user[known], events.item[known], strict=True)
    }
    new = {identity for identity, own in zip(item_ids, is_new, strict=True) if own}
    folder.mkdir(exist_ok=True)
    if (users := catalog / "users.csv").exists():
        (folder / users.name).write_text(users.read_text())
    with (folder / "items.jsonl").open("w") as file:
        for line in (catalog / "items.jsonl").open():
            if json.loads(line)["item_id"] not in new:
                file.write(line)
    with (folder / "interactions.csv").open("w", newline="") as file:
        rows = csv.DictReader((catalog / "interactions.csv").open(newline=""))
        writer = csv.DictWriter(file, rows.fieldnames or [])
        writer.writeheader()
        writer.writerows(row for row in rows if (row["user_id"], row["item_id"]) in pairs)
    return without_cold_start(catalog, folder / "dataset.yaml", folder)


def trained(data: Path, run: Path, config: TrainConfig) -> Path:
    """Trains a run unless it exists; returns its folder."""
    if not run.exists():
        train(data, run, config)
    return run


def interval(values: np.ndarray, users: np.ndarray) -> Interval:
    """Returns the mean over targets, with its interval over users."""
    return clustered_interval(users, lambda rows: float(values[rows].mean()))


def print_table(found: dict[str, list[EvaluationResult]], is_new: np.ndarray) -> None:
    """Prints a row per model, with cells for known and new targets."""
    rows = []
    for name, results in found.items():
        segments = [next(s for s in result.segments if s.name == "warm") for result in results]
        targets = segments[0].targets
        ndcg = np.mean([segment.ndcg(MODEL) for segment in segments], axis=0)
        hits = np.mean([segment.ranks[MODEL] <= K for segment in segments], axis=0)
        cells = [name]
        for mask in (~is_new[targets.item], is_new[targets.item]):
            for values in (ndcg, hits):
                cells.append(str(interval(values[mask], targets.user[mask])))
            cells.append(str(int(mask.sum())))
        rows.append(cells)
    names = [f"NDCG@{K}", f"HR@{K}", "targets"]
    header = ["model", *(f"{which}: {name}" for which in ("known", "new") for name in names)]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
