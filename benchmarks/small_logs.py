"""Compares the model with baselines on logs of few users; prints Markdown.

python benchmarks/small_logs.py DATA --config TRAIN.yaml --out FOLDER --sizes '[150, 300, 600]'

Each log has the events of users that are drawn from those of DATA, with all its items. The model
and the baselines, those of `tfmmrec evaluate`, learn from train and valid and predict test. Their
hyperparameters are chosen on valid. The table gives NDCG@10 on warm items, the mean over the draws,
with the number of draws in which the model is ahead of a baseline, and the mean difference with its
95 % interval (t distribution over draws).

`without terms` is the model without terms in closed form (`closed_form: {dim: 0}`), trained if
`--without-terms true`.
"""

import dataclasses
from pathlib import Path

import numpy as np
import scipy.stats
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.closed_form import ClosedFormConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.evaluation.baselines.all import warm_item_baselines
from tfmmrec.evaluation.measure import measure, measure_model
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

NDCG = "warm ndcg@10"
MODEL, WITHOUT = "model", "without terms"


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    sizes: list[int] = [150, 300, 600],  # noqa: B006
    draws: int = 5,
    without_terms: bool = False,
) -> None:
    """Trains what is not cached and prints the tables.

    Args:
        data: a data folder with a valid and a test split.
        out: folder that caches the metrics.
        config: a training file.
        sizes: numbers of users.
        draws: number of draws of each size.
        without_terms: whether to train the model without terms in closed form too.
    """
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    kept = ResultsCache(out, results_key(dataset, base))
    names = [MODEL, *([WITHOUT] if without_terms else [])]
    lines = []
    for size in sizes:
        figures = []
        for draw in tqdm.trange(draws, desc=f"{size} users", disable=None):
            log = draw_users(dataset, size, draw)
            figures.append(measure_log(kept, f"{size}-{draw}", log, base, names))
        lines += table_lines(size, figures)
    head = ["users", "", "NDCG@10", f"ahead, of {draws}", f"{MODEL} − it"]
    print(markdown_table(head, lines))


def draw_users(dataset: Dataset, num: int, seed: int) -> Dataset:
    """A view of the data with the events of some users."""
    drawn = np.random.default_rng(seed).permutation(dataset.count("users"))[:num]
    return dataset.of_users(np.isin(np.arange(dataset.count("users")), drawn))


def measure_log(
    kept: ResultsCache, label: str, log: Dataset, base: TrainConfig, names: list[str]
) -> dict[str, float]:
    """NDCG@10 on a log by name; hyperparameters are left out of the names of baselines."""
    configs = {MODEL: base, WITHOUT: dataclasses.replace(base, closed_form=ClosedFormConfig(dim=0))}
    found = {}
    for name in names:
        cached = kept.load(f"{label}-{name}")
        if cached is None:
            bundle, _ = VariantTrainer(log, configs[name]).train(configs[name])
            cached = {NDCG: measure_model(bundle)[NDCG].mean()}
            kept.save(f"{label}-{name}", cached)
        found[name] = float(cached[NDCG])
    baselines = kept.load(f"{label}-baselines")
    if baselines is None:
        rankers = warm_item_baselines(log, encode_entities(log, "items", base), "test").rankers
        targets = targets_of(log, "test")
        baselines = {
            name.split(" (")[0]: measure(log, targets, ranker)[NDCG].mean()
            for name, ranker in rankers.items()
        }
        kept.save(f"{label}-baselines", baselines)
    return {**found, **{name: float(value) for name, value in baselines.items()}}


def table_lines(size: int, figures: list[dict[str, float]]) -> list[list[str]]:
    """The rows of one number of users: the model, then the others, best first."""
    columns = {name: np.array([found[name] for found in figures]) for name in figures[0]}
    order = sorted(columns, key=lambda name: (name != MODEL, -columns[name].mean()))
    lines = []
    for name in order:
        line = [str(size), name, f"{columns[name].mean():.4f}"]
        gains = columns[MODEL] - columns[name]
        line += ["", ""] if name == MODEL else [str((gains > 0).sum()), interval(gains)]
        lines.append(line)
    return lines


def interval(gains: np.ndarray) -> str:
    """The mean with its 95 % interval by the t distribution; the mean of one value alone."""
    mean = gains.mean()
    if len(gains) < 2:
        return f"{mean:+.3f}"
    half = scipy.stats.t.ppf(0.975, len(gains) - 1) * scipy.stats.sem(gains)
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


if __name__ == "__main__":
    run_script(main)
