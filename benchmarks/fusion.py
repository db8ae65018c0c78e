"""Compares the kinds of fusion with single modalities and with ids alone; prints Markdown.

python benchmarks/fusion.py DATA --config TRAIN.yaml --out FOLDER --seeds 3
python benchmarks/fusion.py DATA --config TRAIN.yaml --out FOLDER --variants gated,only-text
python benchmarks/fusion.py DATA --config TRAIN.yaml --out NULL_FOLDER --permute 0

The table gives means over the test users of their means over the seeds, with 95 % bootstrap
intervals over users. FOLDER caches the metrics of each variant: finished variants are not trained
again, processes with other variants may share the folder, and the table shows all variants in it.

The best single modality is the reference of the differences. It is selected on the same test users,
which favors it. Items with equal scores share their mean rank. Ids and popularity score all
cold-start items equally and therefore have no hits there, fewer than random scores.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.evaluation.measure import (
    Metrics,
    measure_model,
    measure_trivial_baselines,
    stack_seeds,
)
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.layers.fusion.late import VOTES
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer, fusion_variants, select_names

METRICS = ("warm hr@10", "warm ndcg@10", "cold hr@10", "cold ndcg@10")
DECIDED = "warm ndcg@10"


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    variants: str | None = None,
    permute: int | None = None,
) -> None:
    """Trains the missing variants and prints the table.

    Args:
        data: a data folder.
        out: folder that caches the metrics.
        config: a training file.
        seeds: number of seeds, from 0.
        variants: the variants to train, NAME,NAME (default all).
        permute: seed of a permutation of the contents between items, for the null hypothesis.
    """
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    known = fusion_variants(dataset, base)
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds, permute=permute))
    trainer = VariantTrainer(dataset, base, permute=permute)
    for name in tqdm.tqdm(select_names(variants, known), unit="variant", disable=None):
        # Read from disk in each iteration: another process may have finished it by now.
        if all(kept.load(row) is not None for row in rows_of(name)):
            continue
        figures = [train_and_measure(trainer, known[name], seed, name) for seed in range(seeds)]
        for row in rows_of(name):
            kept.save(row, stack_seeds([by_row[row] for by_row in figures]))
    names = [row for name in known for row in rows_of(name)]
    print_table(dataset, {name: found for name in names if (found := kept.load(name)) is not None})


def rows_of(name: str) -> list[str]:
    """Returns the table rows of one training: all votes share the same trained members."""
    return [f"{name}-{vote}" for vote in VOTES] if name == "late-voting" else [name]


def train_and_measure(
    trainer: VariantTrainer, config: TrainConfig, seed: int, name: str
) -> dict[str, Metrics]:
    """Trains a variant with one seed; returns its metrics by row."""
    bundle, metrics = trainer.train(dataclasses.replace(config, seed=seed))
    fusion = bundle.model.item_tower.fusion
    by_row = {}
    for row in rows_of(name):
        if row != name:
            fusion.vote = row.removeprefix(f"{name}-")
        by_row[row] = {**measure_model(bundle), "seconds": np.array(metrics["seconds"])}
        if name == "weighted":
            by_row[row]["weights"] = fusion.current_weights().numpy()
            by_row[row]["features"] = np.array(fusion.names)
    return by_row


def print_table(dataset: Dataset, figures: dict[str, Metrics]) -> None:
    """Prints a row per variant and per baseline, and the learned weights of `weighted`."""
    means = {
        name: {metric: found[metric].mean(axis=0) for metric in METRICS if metric in found}
        for name, found in figures.items()
    }
    means |= measure_trivial_baselines(dataset)
    single = [n for n in figures if n.startswith("only-") and n not in ("only-ids", "only-content")]
    best = max(single, key=lambda name: means[name][DECIDED].mean(), default=None)
    header = [f"{metric.split()[1].upper()} {metric.split()[0]}" for metric in METRICS]
    header = ["variant", *header, "seconds", *([f"NDCG@10 warm − {best}"] if best else [])]
    rows = []
    for name, found in means.items():
        cells = [str(mean_interval(found[m])) if m in found else "" for m in METRICS]
        cells.append(f"{np.median(figures[name]['seconds']):.0f}" if name in figures else "")
        if best:
            cells.append(f"{paired_interval(found[DECIDED], means[best][DECIDED]):+}")
        rows.append([name, *cells])
    print(markdown_table(header, rows))
    if "weighted" in figures:
        found = figures["weighted"]
        pairs = zip(found["features"][0], found["weights"].mean(axis=0), strict=True)
        print("\nweights of weighted:", ", ".join(f"{name} {weight:.2f}" for name, weight in pairs))


if __name__ == "__main__":
    run_script(main)
