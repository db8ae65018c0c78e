"""Compares a model with ids alone, with content alone and with baselines; prints Markdown.

python benchmarks/quality.py DATA --config TRAIN.yaml --out FOLDER --seeds 3
python benchmarks/quality.py DATA --config TRAIN.yaml --out FOLDER --variants ids

The table gives means over the test users, and for models over the seeds as well, with 95 %
bootstrap intervals over users. The baselines are those of `tfmmrec evaluate`; the ones with content
read that of the training file. Their parameters, in brackets, are the best on valid. The baselines
are then fitted to train and valid, as the model is with `refit: true`.

If events have times, an extra column is for the users whose last two positives are in different
seconds. If users rate many items at one sitting, the order within a second is either random or
leaks information. FOLDER caches the metrics of each variant; finished variants are not trained
again.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.closed_form import ClosedFormConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.evaluation.baselines.all import warm_item_baselines
from tfmmrec.evaluation.baselines.trivial import random_order
from tfmmrec.evaluation.measure import Metrics, measure, measure_model, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer, select_names, with_features

HR, NDCG = "warm hr@10", "warm ndcg@10"


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    variants: str | None = None,
) -> None:
    """Trains the missing variants and prints the table.

    Args:
        data: a data folder.
        out: folder that caches the metrics.
        config: a training file.
        seeds: number of seeds, from 0.
        variants: the variants to train, NAME,NAME from `both`, `towers` (both, without terms in
            closed form), `ids` and `content` (default all).
    """
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    known = {
        "both": base,
        "towers": dataclasses.replace(base, closed_form=ClosedFormConfig(dim=0)),
        "ids": with_features(dataclasses.replace(base, id_embedding=True), []),
        "content": dataclasses.replace(base, id_embedding=False),
    }
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds))
    trainer = VariantTrainer(dataset, base)
    for name in select_names(variants, known):
        if kept.load(name) is None:
            kept.save(name, train(trainer, known[name], seeds, name))
    models = {name: found for name in known if (found := kept.load(name)) is not None}
    print_table(dataset, models, baseline_figures(dataset, base))


def train(trainer: VariantTrainer, config: TrainConfig, seeds: int, name: str) -> Metrics:
    """Trains a variant with each seed; returns metrics `[seeds, users]` and costs `[seeds]`."""
    runs = []
    for seed in tqdm.trange(seeds, desc=name, disable=None):
        bundle, metrics = trainer.train(dataclasses.replace(config, seed=seed))
        costs = {name: np.array(metrics[name]) for name in ("seconds", "epoch")}
        runs.append({**measure_model(bundle), **costs})
    return stack_seeds(runs)


def baseline_figures(dataset: Dataset, config: TrainConfig) -> dict[str, Metrics]:
    """Returns the metrics of random scores and of each baseline tuned on valid."""
    targets = targets_of(dataset, "test")
    found = warm_item_baselines(dataset, encode_entities(dataset, "items", config), "test")
    rankers = {**found.rankers, "random": random_order(dataset, 0)}
    return {name: measure(dataset, targets, ranker) for name, ranker in rankers.items()}


def in_different_seconds(dataset: Dataset) -> np.ndarray | None:
    """Returns whether a test user's last two positives differ in seconds; None without times."""
    test = dataset.events("test")
    if not test.time.any():
        return None
    known = ~dataset.cold_items[test.item] & ~dataset.cold_users[test.user]
    test = test.take(test.positive & known)
    users = np.unique(test.user)
    first = np.full(dataset.count("users"), np.iinfo(np.int64).max)
    np.minimum.at(first, test.user, test.time)
    last = np.full(dataset.count("users"), np.iinfo(np.int64).min)
    for split in CONTEXT_SPLITS["test"]:
        events = dataset.events(split)
        events = events.take(events.positive)
        np.maximum.at(last, events.user, events.time)
    return (first[users] // 1000) != (last[users] // 1000)


def print_table(
    dataset: Dataset, models: dict[str, Metrics], baselines: dict[str, Metrics]
) -> None:
    """Prints models and baselines; differences are to the best baseline."""
    best = max(baselines, key=lambda name: baselines[name][NDCG].mean())
    users = in_different_seconds(dataset)
    head = ["", "HR@10", "NDCG@10", f"NDCG@10 − {best}"]
    if users is not None:
        head.append(f"NDCG@10, {int(users.sum())} users")
    lines = []
    for name, figures in {**models, **baselines}.items():
        hr, ndcg = figures[HR], figures[NDCG]
        seconds = epochs = ""
        if name in models:
            hr, ndcg = hr.mean(axis=0), ndcg.mean(axis=0)
            seconds = f"{figures['seconds'].mean():.0f}"
            epochs = ", ".join(str(epoch) for epoch in figures["epoch"])
        line = [name, str(mean_interval(hr)), str(mean_interval(ndcg))]
        line.append("" if name == best else f"{paired_interval(ndcg, baselines[best][NDCG]):+}")
        if users is not None:
            line.append(str(mean_interval(ndcg[users])))
        lines.append([*line, seconds, epochs])
    print(markdown_table([*head, "seconds", "epochs"], lines))
    for name, figures in models.items():
        of_seeds = figures[NDCG].mean(axis=1)
        print(f"\n{name}: NDCG@10 of the seeds " + ", ".join(f"{x:.4f}" for x in of_seeds), end="")
    print()


if __name__ == "__main__":
    run_script(main)
