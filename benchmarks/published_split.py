"""Measures a model on a published split by the protocol of its papers; prints Markdown.

python benchmarks/published_split.py DATA --config TRAIN.yaml --out FOLDER --seeds 3 --k 20

DATA is a data folder of records/diffmm.py. There are two tables.

* `published` is the protocol in the code of DiffMM and MMRec: everything is fitted to train, and
  all items are ranked but the user's items in train, so that those in valid compete with the
  targets.
* `tfmmrec` is that of this project: the user's items in valid are known, too. They are part of the
  histories and are not ranked, and with `refit: true` models are fitted again to train and valid.

The best epoch and the history encoder are selected on valid in both, and so are the parameters of
the baselines, in brackets. (The code of DiffMM does not read valid: it reports the best epoch on
test.)

Recall@K is the share of the user's test items in the top K, Precision@K their number divided by K,
and NDCG@K is normalized by that of min(K, number of test items) hits at the top. The tables give
means over the users with test items, and for models over the seeds as well, with 95 % bootstrap
intervals over users. Items with equal scores share their mean rank. FOLDER caches the metrics.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import holdout_events
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.evaluation.baselines.history_baselines import HistoryBaselines, Hyperparameters
from tfmmrec.evaluation.baselines.interactions import decayed_interaction_matrix
from tfmmrec.evaluation.baselines.item_item import ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.score_functions import of_histories, ranker_of
from tfmmrec.evaluation.baselines.trivial import same_for_all
from tfmmrec.evaluation.measure import Metrics, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import Interval, mean_interval, paired_interval
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.ranking.rankers import Ranker, model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.fit import fit
from tfmmrec.training.term_weights import ScoreWeights
from tfmmrec.training.variants import VariantTrainer

PROTOCOLS = ("published", "tfmmrec")
# The names of the papers, by those of `per_user_metrics`.
METRICS = {"hr": "Recall", "precision": "Precision", "ndcg": "NDCG"}


def main(data: Path, *, out: Path, config: Path | None = None, seeds: int = 3, k: int = 20) -> None:
    """Trains the model unless its metrics are cached, and prints the tables.

    Args:
        data: a data folder with a valid and a test split.
        out: folder that caches the metrics.
        config: a training file.
        seeds: number of seeds, from 0.
        k: the cutoff.
    """
    dataset = Dataset(data)
    dataset.check_k("k", k)
    base = read_training_file(config, quiet=True)
    best = HistoryBaselines(dataset, "test").chosen
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds, k=k))
    if kept.load("model") is None:
        trainer = VariantTrainer(dataset, dataclasses.replace(base, refit=False))
        runs = [
            train(trainer, dataclasses.replace(base, seed=seed), k)
            for seed in tqdm.trange(seeds, desc="seeds", disable=None)
        ]
        kept.save("model", stack_seeds(runs))
    model = kept.load("model") or {}
    for protocol in PROTOCOLS:
        fitted = "train and valid" if base.refit and protocol == "tfmmrec" else "train"
        known = "train and valid" if protocol == "tfmmrec" else "train"
        print(
            f"{protocol}: the model is fitted to {fitted}, the baselines to {known}; the user's "
            f"items in {known} are not ranked\n"
        )
        print_table(protocol, model, measure_baselines(dataset, protocol, best, k), k)


def train(trainer: VariantTrainer, config: TrainConfig, k: int) -> Metrics:
    """Trains a model on train, and with `refit` again on train and valid; measures both."""
    bundle, found = trainer.train(dataclasses.replace(config, refit=False))
    metrics = measure_bundle(bundle, "published", k)
    seconds = found["seconds"]
    if config.refit:
        # As in fit_config, whose first model would otherwise have to be trained twice.
        again = dataclasses.replace(bundle.config, refit=True, epochs=found["epoch"])
        score_weights, bundle = ScoreWeights.of(bundle), trainer.build_bundle(again)
        seconds += fit(bundle, score_weights=score_weights)["seconds"]
    metrics |= measure_bundle(bundle, "tfmmrec", k)
    return {**metrics, "seconds": np.array(seconds), "epoch": np.array(found["epoch"])}


def measure_bundle(bundle: ModelBundle, protocol: str, k: int) -> Metrics:
    """Measures a model with its current weights; names begin with the protocol."""
    targets = protocol_targets(bundle.dataset, protocol, with_times=bundle.model.reads_times)
    scorer = Scorer(bundle.model)
    ranker = model_ranker(scorer, scorer.item_vectors(), targets.histories)
    found = measure(targets, ranker, bundle.dataset.count("items"), k)
    return {f"{protocol} {name}": values for name, values in found.items()}


def measure_baselines(
    dataset: Dataset, protocol: str, best: dict[str, Hyperparameters], k: int
) -> dict[str, Metrics]:
    """Measures popularity and the baselines with the given parameters, fitted to the histories."""
    targets, num_items = protocol_targets(dataset, protocol), dataset.count("items")
    interactions = interaction_matrix(targets.histories, num_items)
    rankers = {"popularity": same_for_all(targets.histories.counts(num_items))}
    for name, (fit_baseline, _) in ITEM_ITEM_BASELINES.items():
        own = best[name]
        histories = decayed_interaction_matrix(targets.histories, num_items, own.decay)
        label = f"{name} ({own.value:g}{f', decay {own.decay:g}' if own.decay < 1 else ''})"
        rankers[label] = ranker_of(of_histories(fit_baseline(interactions, own.value), histories))
    return {name: measure(targets, ranker, num_items, k) for name, ranker in rankers.items()}


def protocol_targets(dataset: Dataset, protocol: str, *, with_times: bool = False) -> Targets:
    """Returns the test items, and what is known of each user under the protocol."""
    if protocol == "tfmmrec":
        return targets_of(dataset, "test", with_times=with_times)
    events = holdout_events(dataset, "test")
    histories = dataset.histories(["train"], with_times=with_times)
    return Targets(events.user, events.item, histories, num_repeats=0)


def measure(targets: Targets, ranker: Ranker, num_items: int, k: int) -> Metrics:
    """Ranks each target among all items that are not in the user's history.

    A target in the history is missed: in the papers, it is masked as the others are, but counts as
    a test item.

    Returns:
        The result of `per_user_metrics`, `{"hr@k": [users], …}`.
    """
    ranks = ranker.ranks(targets, np.ones(num_items, bool))
    known = interaction_matrix(targets.histories, num_items)[targets.user, targets.item]
    ranks[np.asarray(known).ravel() > 0] = np.inf
    return per_user_metrics(targets.user, ranks, k)[1]


def print_table(protocol: str, model: Metrics, baselines: dict[str, Metrics], k: int) -> None:
    """Prints the model and the baselines; differences are to the best baseline."""
    names, ndcg = [f"{name}@{k}" for name in METRICS], f"ndcg@{k}"
    best = max(baselines, key=lambda name: baselines[name][ndcg].mean())
    seeds = {name: model[f"{protocol} {name}"] for name in names}
    rows = {"model": {name: values.mean(axis=0) for name, values in seeds.items()}, **baselines}
    lines = []
    for row, figures in rows.items():
        line = [row, *(cell(mean_interval(figures[name])) for name in names)]
        difference = paired_interval(figures[ndcg], baselines[best][ndcg])
        lines.append([*line, "" if row == best else cell(difference, "+")])
    head = [f"{name}@{k}" for name in METRICS.values()]
    print(markdown_table(["", *head, f"NDCG@{k} − {best}"], lines))
    values = ", ".join(f"{value:.4f}" for value in seeds[ndcg].mean(axis=1))
    epochs = ", ".join(str(epoch) for epoch in model["epoch"])
    print(
        f"\nmeans of {len(rows['model'][ndcg])} users; NDCG@{k} of the seeds: {values}; best "
        f"epochs: {epochs}; {model['seconds'].mean():.0f} seconds of training per seed\n"
    )


def cell(interval: Interval, sign: str = "") -> str:
    """Formats an interval with four decimals, as the papers do, since Precision@K is small."""
    mean = f"{interval.mean:{sign}.4f}"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean} [{interval.low:{sign}.4f}, {interval.high:{sign}.4f}]"


if __name__ == "__main__":
    run_script(main)
