"""Removes modalities at test time, with and without modality dropout in training.

python benchmarks/missing.py DATA --config TRAIN.yaml --out FOLDER --dropout 0.3 --seeds 3

Each seed trains two models, one without and one with `modality_dropout`. Both are evaluated on the
same test users, with content removed from the same items. The table, in Markdown, gives means over
users of their means over the seeds, on warm items, with 95 % bootstrap intervals over users. FOLDER
caches the metrics; finished models are not trained again.
"""

import dataclasses
from pathlib import Path

import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.measure import Metrics, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.missing_modalities import measure_with_missing
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

METRICS = ("warm hr@10", "warm ndcg@10")


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    dropout: float = 0.3,
    each: float = 0.5,
) -> None:
    """Trains the missing models and prints the table.

    Args:
        data: a data folder.
        out: folder that caches the metrics.
        config: a training file.
        seeds: number of seeds, from 0.
        dropout: `modality_dropout` of the second model.
        each: probability of removing each feature of each item, in the last row.
    """
    if not dropout > 0:
        raise ConfigError(f"dropout must be greater than 0. Received: {dropout}")
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds, each=each))
    rates = {f"dropout-{rate:g}": rate for rate in (0.0, dropout)}
    missing = [name for name in rates if kept.load(name) is None]
    trainer = VariantTrainer(dataset, base)
    with tqdm.tqdm(total=len(missing) * seeds, unit="model", disable=None) as progress:
        for name in missing:
            found = []
            for seed in range(seeds):
                variant = dataclasses.replace(base, modality_dropout=rates[name], seed=seed)
                found.append(measure_with_missing(trainer.train(variant)[0], each=each))
                progress.update()
            kept.save(name, stack_seeds(found))
    print_table([kept.load(name) for name in rates], list(rates))


def print_table(figures: list[Metrics], names: list[str]) -> None:
    """Prints a row for each set of removed content."""
    header = ["removed"]
    header += [f"{m.split()[1].upper()} {name}" for m in METRICS for name in names]
    header += [f"{m.split()[1].upper()} difference" for m in METRICS]
    rows = []
    for way in dict.fromkeys(name.rsplit(": ", 1)[0] for name in figures[0]):
        pairs = [[found[f"{way}: {m}"].mean(axis=0) for found in figures] for m in METRICS]
        means = [str(mean_interval(values)) for pair in pairs for values in pair]
        rows.append([way, *means, *(f"{paired_interval(b, a):+}" for a, b in pairs)])
    print(markdown_table(header, rows))


if __name__ == "__main__":
    run_script(main)
