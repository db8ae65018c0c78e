"""Prints the cost of a search, and its best trial beside the base configuration, as Markdown.

python benchmarks/tune.py TUNED
python benchmarks/tune.py TUNED --data DATA --out FOLDER --seeds 3

The second command also trains both with seeds that the search did not use. It evaluates them on
valid and on test, with 95 % bootstrap intervals over users. Both train without `refit` and with the
history encoder of the trials. FOLDER caches the metrics; finished trainings are not repeated.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.measure import Metrics, measure_model, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

# Searches use the first seeds.
_FIRST_SEED = 10
_SPLITS = ("valid", "test")
_METRICS = {"HR@10": "warm hr@10", "NDCG@10": "warm ndcg@10"}


def main(
    tuned: Path,
    *,
    data: Path | None = None,
    out: Path | None = None,
    config: Path | None = None,
    seeds: int = 3,
) -> None:
    """Prints the cost and the finalists of a search.

    Args:
        tuned: output folder of `tfmmrec tune`.
        data: data folder on which the base and the best trial are trained again.
        out: folder that caches the metrics of these trainings.
        config: training file of the base configuration.
        seeds: number of trainings of each.
    """
    print_search(tuned)
    if data is None:
        return
    if out is None:
        raise ConfigError("--out: --data needs a folder for the metrics. Received: no --out")
    dataset = Dataset(data)
    given, best = (read_training_file(path, quiet=True) for path in (config, tuned / "best.yaml"))
    found = {}
    for name, training in (("base", given), ("best", best)):
        training = dataclasses.replace(
            training, query=training.history_encoder, refit=False, objective=best.objective
        )
        kept = ResultsCache(out / name, results_key(dataset, training, seeds=seeds))
        if (figures := kept.load(name)) is None:
            figures = train(dataset, training, seeds, name)
            kept.save(name, figures)
        found[name] = figures
    for split in _SPLITS:
        print_both(found, split)


def print_search(tuned: Path) -> None:
    """Prints the cost of a search, and its finalists."""
    trials = [json.loads(line) for line in (tuned / "trials.jsonl").read_text().splitlines()]
    results = json.loads((tuned / "results.json").read_text())
    done = [trial for trial in trials if "error" not in trial]
    whole = np.array([trial["seconds"]["total"] for trial in done])
    training = np.array([trial["seconds"]["training"] for trial in done])
    minutes = (max(t["ended"] for t in trials) - min(t["started"] for t in trials)) / 60
    cells = [
        f"{sum(trial['stage'] != 'rerun' for trial in trials)}",
        f"{sum(trial['stage'] == 'rerun' for trial in trials)}",
        f"{len(trials) - len(done)}",
        ", ".join(sorted({trial["worker"] for trial in trials})),
        f"{minutes:.0f}",
        f"{np.median(whole):.0f} ({whole.min():.0f} to {whole.max():.0f})",
        f"{1 - training.sum() / whole.sum():.1%} ({np.median(whole - training):.1f} s)",
    ]
    head = ["trials", "reruns", "failed", "workers", "minutes"]
    print(markdown_table([*head, "seconds per trial", "time outside training"], [cells]))
    print_finalists(results)
    print(f"\n{results['verdict']}\n")


def print_finalists(results: dict[str, Any]) -> None:
    """Prints the metric of each finalist in the search and with the other seeds."""
    seeds = sorted(
        {seed for finalist in results["finalists"] for seed in finalist["seeds"]}, key=int
    )
    rows = []
    for finalist in results["finalists"]:
        name = "base" if finalist["trial"] == 0 else f"trial {finalist['trial']}"
        own = [f"{finalist['seeds'].get(seed, np.nan):.4f}" for seed in seeds]
        mean = f"{finalist['mean']:.4f} ± {finalist['std']:.4f}"
        rows.append([name, f"{finalist['search_metric']:.4f}", *own, mean])
    head = [f"{results['objective']['name']} on valid", "in the search"]
    print(markdown_table([*head, *(f"seed {seed}" for seed in seeds), "mean"], rows))


def train(dataset: Dataset, config: TrainConfig, seeds: int, name: str) -> Metrics:
    """Trains with each seed; returns metrics `[seeds, users]` by split and metric."""
    trainer, runs = VariantTrainer(dataset, config), []
    for seed in tqdm.trange(_FIRST_SEED, _FIRST_SEED + seeds, desc=name, disable=None):
        bundle, _ = trainer.train(dataclasses.replace(config, seed=seed))
        figures = {}
        for split in _SPLITS:
            measured = measure_model(bundle, split=split)
            figures |= {f"{split} {key}": measured[key] for key in _METRICS.values()}
        runs.append(figures)
    return stack_seeds(runs)


def print_both(found: dict[str, Metrics], split: str) -> None:
    """Prints the base and the best trial on a split."""
    ndcg = f"{split} {_METRICS['NDCG@10']}"
    other = found["base"][ndcg].mean(axis=0)
    rows = []
    for name, figures in found.items():
        cells = [name]
        for key in _METRICS.values():
            cells.append(str(mean_interval(figures[f"{split} {key}"].mean(axis=0))))
        lead = paired_interval(figures[ndcg].mean(axis=0), other)
        cells.append("" if name == "base" else f"{lead:+}")
        cells.append(", ".join(f"{value:.4f}" for value in figures[ndcg].mean(axis=1)))
        rows.append(cells)
    print(markdown_table([split, *_METRICS, "NDCG@10 − base", "NDCG@10 of the seeds"], rows))


if __name__ == "__main__":
    run_script(main)
