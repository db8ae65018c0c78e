"""Compares predicted ratings or clicks with ids alone, content alone and baselines.

python benchmarks/outcomes.py DATA --config TRAIN.yaml --out FOLDER --seeds 3

The training file has `task: rating` or `task: click`. The table, in Markdown, gives the metrics of
the test events, for models as means over the seeds, with 95 % bootstrap intervals over users.
Differences are to the best baseline, on the same events. The baselines are fitted to train and
valid, as the model is with `refit: true`. FOLDER caches the predictions of each variant; finished
variants are not trained again.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

import tfmmrec.cli
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.baselines.outcomes import rating_svd
from tfmmrec.evaluation.measure import Metrics, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import clustered_interval
from tfmmrec.evaluation.outcomes.evaluate import outcome_baselines
from tfmmrec.evaluation.outcomes.targets import OutcomeTargets, outcome_targets, predict_outcomes
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer, select_names, with_features

# By task: the metric that selects the best baseline, then further metrics to print.
METRICS = {"rating": ("rmse", "mae"), "click": ("auc", "log_loss", "calibration_error")}
HEADS = {"factors": 0, "biases": False}


def main(
    data: Path,
    *,
    out: Path,
    config: Path,
    seeds: int = 3,
    variants: str | None = None,
) -> None:
    """Trains the missing variants and prints the table.

    Args:
        data: a data folder.
        out: folder that caches the predictions.
        config: a training file.
        seeds: number of seeds, from 0.
        variants: the variants to train, NAME,NAME from `both`, `ids` and `content` (default all).
    """
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    if base.task not in METRICS:
        raise ConfigError(f"{config}: task must be rating or click. Received: {base.task!r}")
    known = {
        "both": base,
        "ids": with_features(dataclasses.replace(base, id_embedding=True), []),
        "content": dataclasses.replace(base, id_embedding=False, head={**base.head, **HEADS}),
    }
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds))
    trainer = VariantTrainer(dataset, base)
    for name in select_names(variants, known):
        if kept.load(name) is None:
            kept.save(name, train(trainer, known[name], seeds, name))
    models = {name: found for name in known if (found := kept.load(name)) is not None}
    bundle = trainer.build_bundle(base)
    target = outcome_targets(bundle, "test")[base.task]
    baselines = outcome_baselines(bundle, base.task, target, "test")
    if base.task == "rating":
        # `tfmmrec evaluate` leaves it out, because it is slow on large logs.
        baselines["SVD"] = rating_svd(dataset.outcomes(CONTEXT_SPLITS["test"]), target.events)
    print_table(base.task, target, {n: f["predicted"] for n, f in models.items()}, baselines)
    for name, figures in models.items():
        epochs = ", ".join(str(epoch) for epoch in figures["epoch"])
        print(f"\n{name}: {figures['seconds'].mean():.0f} s, {epochs} epochs", end="")
    print()


def train(trainer: VariantTrainer, config: TrainConfig, seeds: int, name: str) -> Metrics:
    """Trains a variant with each seed; returns predictions `[seeds, events]` and costs."""
    runs = []
    for seed in tqdm.trange(seeds, desc=name, disable=None):
        bundle, metrics = trainer.train(dataclasses.replace(config, seed=seed))
        costs = {name: np.array(metrics[name]) for name in ("seconds", "epoch")}
        runs.append({"predicted": predict(bundle, config.task), **costs})
    return stack_seeds(runs)


def predict(bundle: ModelBundle, task: str) -> np.ndarray:
    """Returns the model's predictions for the events of the test split, `[events]`."""
    scorer = Scorer(bundle.model)
    targets = outcome_targets(bundle, "test")
    return predict_outcomes(scorer, scorer.item_vectors(), targets)[task]


def print_table(
    task: str,
    target: OutcomeTargets,
    models: dict[str, np.ndarray],
    baselines: dict[str, np.ndarray],
) -> None:
    """Prints the metrics of models, `[seeds, events]`, and of baselines, `[events]`."""
    names = METRICS[task]
    first, users = names[0], target.events.user
    everyone = {**models, **{name: values[np.newaxis] for name, values in baselines.items()}}

    def measured(values: np.ndarray, rows: np.ndarray, metric: str) -> float:
        events = target.take(rows)
        return float(np.mean([events.measure(task, seed[rows])[metric] for seed in values]))

    rows = np.arange(len(users))
    sign = 1 if first == "rmse" else -1
    best = min(baselines, key=lambda name: sign * measured(everyone[name], rows, first))
    lines = []
    for name, values in everyone.items():
        line = [name, str(clustered_interval(users, lambda r, v=values: measured(v, r, first)))]
        line += [f"{measured(values, rows, metric):.3f}" for metric in names[1:]]
        difference = ""
        if name != best:
            gap = clustered_interval(
                users,
                lambda r, v=values: measured(v, r, first) - measured(everyone[best], r, first),
            )
            difference = f"{gap:+}"
        of_seeds = ", ".join(
            f"{target.measure(task, seed)[first]:.4f}" for seed in values if name in models
        )
        lines.append([*line, difference, of_seeds])
    shown = [
        name.upper() if name in ("rmse", "mae", "auc") else name.replace("_", " ") for name in names
    ]
    print(f"{len(users)} events of {len(np.unique(users))} users\n")
    print(markdown_table(["", *shown, f"{shown[0]} − {best}", "seeds"], lines))


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
