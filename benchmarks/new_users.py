"""Compares a model with baselines on new users and on existing users; prints Markdown.

python benchmarks/new_users.py DATA --config TRAIN.yaml --out FOLDER --seeds 3 --last 1,2,5,10

DATA needs new users (`cold_users`). For each user, new or existing, the last positive is ranked
among all warm items, given the user's earlier interactions. EASE and item-kNN learn from existing
users and read a new user's history as the model does. Their parameters, in brackets, are the best
on valid: the penalty or the number of neighbors, and the decay of the history per later event.

The first table also has the model without history. The second table gives NDCG@10 of new users by
the number of recent items in the history (`--last ""` measures none and all only). All values are
means over users of their means over the seeds, with 95 % bootstrap intervals over users. FOLDER
caches the metrics of the model; a finished model is not trained again.
"""

import dataclasses
from pathlib import Path

import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import context_of
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.baselines.history_baselines import HistoryBaselines
from tfmmrec.evaluation.baselines.interactions import decayed_interaction_matrix
from tfmmrec.evaluation.baselines.score_functions import of_histories, ranker_of
from tfmmrec.evaluation.measure import (
    Metrics,
    measure,
    measure_model,
    measure_trivial_baselines,
    stack_seeds,
)
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

SEGMENTS = {"new_users": "new", "warm": "existing"}
ALL, NONE = "all", "0"


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    last: str = "1,2,5,10",
) -> None:
    """Trains the model, unless its metrics are cached, and prints the tables.

    Args:
        data: a data folder with new users.
        out: folder that caches the metrics.
        config: a training file.
        seeds: number of seeds, from 0.
        last: numbers of recent items in the history, N,N, in addition to none and all.
    """
    dataset = Dataset(data)
    if not dataset.cold_users.any():
        raise DataError(f"{data}: has no new users; pack it with cold_users: {{share: 0.1}}")
    base = read_training_file(config, quiet=True)
    lengths = read_lengths(last)
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds, last=list(lengths)))
    found = kept.load("model")
    if found is None:
        found = train(dataset, base, seeds, lengths)
        kept.save("model", found)
    models = {length: of_length(found, length) for length in lengths}
    tuned = tuned_figures(dataset, lengths)
    whole = {name: figures[ALL] for name, figures in tuned.items()}
    print_segments(models, {**whole, **measure_trivial_baselines(dataset)})
    print_by_length(models, tuned)


def read_lengths(text: str) -> dict[str, int | None]:
    """Parses N,N; returns the lengths by name, from none to all."""
    try:
        lengths = [int(length) for length in text.split(",") if length.strip()]
    except ValueError:
        lengths = [0]
    if any(length < 1 for length in lengths):
        raise ConfigError(f"last must be whole numbers of at least 1, N,N. Received: {text!r}")
    return {NONE: 0, **{str(length): length for length in sorted(lengths)}, ALL: None}


def train(
    dataset: Dataset, config: TrainConfig, seeds: int, lengths: dict[str, int | None]
) -> Metrics:
    """Trains with each seed; returns metrics `[seeds, users]`, prefixed by the history length."""
    trainer = VariantTrainer(dataset, config)
    runs = []
    for seed in tqdm.trange(seeds, desc="model", disable=None):
        bundle, _ = trainer.train(dataclasses.replace(config, seed=seed))
        run: Metrics = {}
        for length, last in lengths.items():
            figures = measure_model(bundle, last=last)
            run.update({f"{length}: {name}": values for name, values in figures.items()})
        runs.append(run)
    return stack_seeds(runs)


def of_length(found: Metrics, length: str) -> Metrics:
    """Returns the metrics of one history length, as means over the seeds."""
    start = f"{length}: "
    return {
        name.removeprefix(start): values.mean(axis=0)
        for name, values in found.items()
        if name.startswith(start)
    }


def tuned_figures(
    dataset: Dataset, lengths: dict[str, int | None]
) -> dict[str, dict[str, Metrics]]:
    """Returns the metrics of each baseline, tuned on valid, by the length of the history it reads.

    It always learns from the full histories of existing users.
    """
    targets, count = targets_of(dataset, "test"), dataset.count("items")
    past, tuned = context_of(dataset, "test"), HistoryBaselines(dataset, "test")
    figures: dict[str, dict[str, Metrics]] = {}
    for name, chosen in tuned.chosen.items():
        own = figures.setdefault(tuned.label(name), {})
        for length, last in lengths.items():
            recent = past if last is None else past.recent(last)
            read = decayed_interaction_matrix(recent, count, chosen.decay)
            ranker = ranker_of(of_histories(tuned.fitted[name], read))
            own[length] = measure(dataset, targets, ranker)
    return figures


def print_segments(models: dict[str, Metrics], baselines: dict[str, Metrics]) -> None:
    """Prints a row per model and per baseline, for new users and for existing users."""
    given = {"model": models[ALL], "model without history": models[NONE], **baselines}
    head, columns = [""], []
    for part, word in SEGMENTS.items():
        ndcg = {name: figures[f"{part} ndcg@10"] for name, figures in given.items()}
        best = max(baselines, key=lambda name: ndcg[name].mean())
        users = f"{len(ndcg[best])} {word} users"
        head += [f"HR@10, {users}", f"NDCG@10, {users}", f"NDCG@10 − {best}"]
        columns.append([str(mean_interval(figures[f"{part} hr@10"])) for figures in given.values()])
        columns.append([str(mean_interval(values)) for values in ndcg.values()])
        columns.append(
            [
                "" if name == best else f"{paired_interval(values, ndcg[best]):+}"
                for name, values in ndcg.items()
            ]
        )
    print(markdown_table(head, zip(given, *columns, strict=True)))
    for part, word in SEGMENTS.items():
        ndcgs = [models[length][f"{part} ndcg@10"] for length in (ALL, NONE)]
        print(f"\nThe history is worth {paired_interval(*ndcgs):+} NDCG@10 for {word} users.")


def print_by_length(models: dict[str, Metrics], baselines: dict[str, dict[str, Metrics]]) -> None:
    """Prints NDCG@10 of new users by the number of recent items in the history."""
    metric = "new_users ndcg@10"
    best = max(baselines, key=lambda name: baselines[name][ALL][metric].mean())
    rows = []
    for length, figures in models.items():
        own, others = figures[metric], {name: of[length][metric] for name, of in baselines.items()}
        # Without a history, the baselines score all items equally.
        cells = [""] * (len(baselines) + 1)
        if length != NONE:
            cells = [str(mean_interval(values)) for values in others.values()]
            cells.append(f"{paired_interval(own, others[best]):+}")
        rows.append([length, str(mean_interval(own)), *cells])
    print()
    head = ["recent items in the history", "model", *baselines, f"model − {best}"]
    print(markdown_table(head, rows))


if __name__ == "__main__":
    run_script(main)
