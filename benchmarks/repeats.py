"""Repeated choices: a log of groceries, in which users choose again what they chose before.

python benchmarks/repeats.py BASKETS.json --out FOLDER --seeds 3

BASKETS.json has the baskets of each user, oldest first: {"user": [[item, …], …], …}, the format of
`mergeddataset/*.json` in the repository of Li et al. 2023, "A next basket recommendation reality
check" (arXiv:2109.14233). The items of the last basket of a user are the targets of test, those of
the one before of valid. The model is trained with `repeats: allow`; with the same and without the
term for own items, whose weights are then 0; and with `repeats: exclude`, whose lists lack own
items. All predict the same targets, among all items. The table, in Markdown, gives means over users
of means over the seeds, with 95 % bootstrap intervals over users, for all targets and for those
that are and are not in the history of the user. FOLDER caches the data folders and the metrics.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.evaluation.baselines.all import warm_item_baselines
from tfmmrec.evaluation.measure import Metrics, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.ranking.rankers import Ranker, model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

ALLOW, WITHOUT_TERM, EXCLUDE = "repeats: allow", "without the term", "repeats: exclude"
PARTS = ("all", "again", "new")
_DAY = 86_400
_PARTS = {-1: "test", -2: "valid"}


def main(
    baskets: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 1,
    k: int = 10,
    max_users: int | None = None,
) -> None:
    """Trains the models, fits the baselines, and prints the table.

    Args:
        baskets: the file.
        out: folder that caches the data folders and the metrics.
        config: a training file (default: all defaults).
        seeds: number of seeds of the training, from 0.
        k: the cutoff.
        max_users: number of users, the first of the file (default all).
    """
    base = TrainConfig(quiet=True) if config is None else read_training_file(config, quiet=True)
    log = dict(list(json.loads(baskets.read_text()).items())[:max_users])
    data = {repeats: packed(log, repeats, out) for repeats in ("allow", "exclude")}
    targets = targets_of(data["allow"], "test")
    kept = ResultsCache(out, results_key(data["allow"], base, seeds=seeds, k=k))
    names = [ALLOW, WITHOUT_TERM, EXCLUDE]
    found = {name: metrics for name in names if (metrics := kept.load(name)) is not None}
    if len(found) < len(names):
        found = _train_and_measure(data, targets, base, seeds, k)
        for name, metrics in found.items():
            kept.save(name, metrics)
    print_table(found | _baselines(data["allow"], targets, base, kept, k), k)


def packed(log: dict[str, list[list[int]]], repeats: str, out: Path) -> Dataset:
    """Packs the log, once."""
    folder = out / repeats
    if not folder.is_dir():
        dataset_file = write_catalog(
            out / f"tables-{repeats}",
            name="baskets",
            items=[{"item_id": f"i{item}"} for item in sorted(_items(log))],
            item_features={},
            interactions=[
                {
                    "user_id": f"u{user}",
                    "item_id": f"i{item}",
                    "timestamp": (1 + number) * _DAY,
                    "part": _PARTS.get(number - len(baskets), "train"),
                }
                for user, baskets in log.items()
                for number, basket in enumerate(baskets)
                for item in basket
            ],
            repeats=repeats,
            split={"by": "column", "name": "part"},
            overwrite=True,
        )
        pack(dataset_file, folder, PackConfig(quiet=True))
    return Dataset(folder)


def _items(log: dict[str, list[list[int]]]) -> set[int]:
    return {item for baskets in log.values() for basket in baskets for item in basket}


def _train_and_measure(
    data: dict[str, Dataset], targets: Targets, base: TrainConfig, seeds: int, k: int
) -> dict[str, Metrics]:
    """The metrics of each model, `[seeds, users]`."""
    each: dict[str, list[Metrics]] = {ALLOW: [], WITHOUT_TERM: [], EXCLUDE: []}
    num_items = data["allow"].count("items")
    for seed in tqdm.tqdm(range(seeds), unit="seed", disable=None):
        own = dataclasses.replace(base, seed=seed)
        bundle, _ = VariantTrainer(data["allow"], own).train(own)
        repeat_term = bundle.model.repeat_term
        assert repeat_term is not None
        print(f"seed {seed}: {repeat_term.describe()}")
        each[ALLOW].append(_measure(_ranker_of(bundle, targets), targets, num_items, k))
        repeat_term.term_weights.assign(np.zeros_like(repeat_term.term_weights))
        each[WITHOUT_TERM].append(_measure(_ranker_of(bundle, targets), targets, num_items, k))
        bundle, _ = VariantTrainer(data["exclude"], own).train(own)
        without = dataclasses.replace(targets, excluded_items=targets.histories)
        each[EXCLUDE].append(
            _measure(_ranker_of(bundle, targets), without, num_items, k, hides_own=True)
        )
    return {name: stack_seeds(metrics) for name, metrics in each.items()}


def _ranker_of(bundle: ModelBundle, targets: Targets) -> Ranker:
    scorer = Scorer(bundle.model)
    return model_ranker(scorer, scorer.item_vectors(), targets.histories)


def _measure(
    ranker: Ranker, targets: Targets, num_items: int, k: int, *, hides_own: bool = False
) -> Metrics:
    """NDCG and recall of each user, over all targets and over those of each part."""
    ranks = ranker.ranks(targets, np.ones(num_items, bool))
    again = targets.are_repeats
    if hides_own:
        ranks = np.where(again, np.inf, ranks)
    found: Metrics = {}
    for part, rows in zip(PARTS, (np.ones(len(ranks), bool), again, ~again), strict=True):
        _, metrics = per_user_metrics(targets.user[rows], ranks[rows], k)
        found |= {f"{part} {name}": values for name, values in metrics.items()}
    return found


def _baselines(
    dataset: Dataset, targets: Targets, base: TrainConfig, kept: ResultsCache, k: int
) -> dict[str, Metrics]:
    """The metrics of each baseline, `[1, users]`."""
    stored = kept.load("baselines")
    if stored is None:
        items, num_items = encode_entities(dataset, "items", base), dataset.count("items")
        stored = {
            f"{name}|{metric}": values
            for name, ranker in warm_item_baselines(dataset, items, "test").rankers.items()
            for metric, values in stack_seeds([_measure(ranker, targets, num_items, k)]).items()
        }
        kept.save("baselines", stored)
    found: dict[str, Metrics] = {}
    for key, values in stored.items():
        name, metric = key.split("|")
        found.setdefault(name, {})[metric] = values
    return found


def print_table(found: dict[str, Metrics], k: int) -> None:
    """Prints a row per model and baseline, the baselines best first."""
    metric = f"all ndcg@{k}"
    first, *others = found
    baselines = [name for name in others if name not in (WITHOUT_TERM, EXCLUDE)]
    baselines.sort(key=lambda name: -found[name][metric].mean())
    header = ["", f"NDCG@{k}", f"{first} − it", f"recall@{k}", "recall of items chosen before"]
    rows = []
    for name in [first, *(other for other in others if other not in baselines), *baselines]:
        users = {key: values.mean(axis=0) for key, values in found[name].items()}
        lead = paired_interval(found[first][metric].mean(axis=0), users[metric])
        rows.append(
            [
                name,
                str(mean_interval(users[metric])),
                "" if name == first else f"{lead:+}",
                *(str(mean_interval(users[f"{part} hr@{k}"])) for part in PARTS),
            ]
        )
    print(markdown_table([*header, "of new items"], rows))


if __name__ == "__main__":
    run_script(main)
