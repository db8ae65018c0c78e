"""Compares a model with content-based baselines on cold-start items; prints Markdown.

python benchmarks/cold.py DATA --tune '[TUNE_DATA, …]' --config TRAIN.yaml --out FOLDER --seeds 3

All data folders have cold-start items, which are ranked among themselves. The folders of `--tune`
contain no event of the cold-start items of DATA. The penalty of each baseline is the best by the
mean over these folders.

The baselines and the model read all features, and then all features except those of one modality at
a time. The table gives means over users of NDCG@10 with several target items per user, and for the
model over the seeds as well. Differences are paired, with intervals, to the best baseline and to
the model with all features.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.evaluation.baselines.content import (
    ContentBaselines,
    content_matrix,
)
from tfmmrec.evaluation.measure import (
    measure,
    measure_model,
    measure_trivial_baselines,
    stack_seeds,
)
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer, with_features

METRIC = "cold ndcg@10"


def main(
    data: Path,
    *,
    tune: list[Path],
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    whole: bool = False,
) -> None:
    """Trains the missing models and prints the table.

    Args:
        data: a data folder with cold-start items.
        tune: other data folders with the same items, on which the penalties are selected.
        out: folder that caches the metrics of the models.
        config: a training file.
        seeds: number of seeds, from 0.
        whole: whether to measure with all features only, and not without each modality.
    """
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    sets = feature_sets(dataset)
    if whole:
        sets = {"all features": sets["all features"]}
    baselines = baseline_figures(dataset, [Dataset(folder) for folder in tune], base, sets)
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds))
    trainer = VariantTrainer(dataset, base)
    models = {}
    for name, names in sets.items():
        found = kept.load(name)
        if found is None:
            runs = []
            for seed in tqdm.trange(seeds, desc=name, disable=None):
                variant = dataclasses.replace(with_features(base, names), seed=seed)
                runs.append(measure_model(trainer.train(variant)[0]))
            found = stack_seeds(runs)
            kept.save(name, found)
        models[f"model, {name}"] = found[METRIC].mean(axis=0)
    print_table(baselines, models)


def feature_sets(dataset: Dataset) -> dict[str, list[str]]:
    """Returns all item features, and all features without those of each modality."""
    groups = features_by_modality(dataset.schema.items)
    everything = [name for names in groups.values() for name in names]
    sets = {"all features": everything}
    for modality, names in groups.items():
        rest = [name for name in everything if name not in names]
        if rest:
            sets[f"without {modality}"] = rest
    return sets


def baseline_figures(
    dataset: Dataset, tune: list[Dataset], config: TrainConfig, sets: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """Returns NDCG@10 by user of each baseline, with the best penalty on the other data."""
    trivial = measure_trivial_baselines(dataset)
    figures = {name: trivial[name][METRIC] for name in ("random", "popularity")}
    shown, *tried = [BaselineBench(given, config) for given in (dataset, *tune)]
    for name, names in sets.items():
        for rival, penalties in ContentBaselines.alphas.items():
            found = [
                np.mean([bench.figure(rival, names, penalty).mean() for bench in tried])
                for penalty in penalties
            ]
            best = penalties[int(np.argmax(found))]
            parameter = f" ({best:g})" if len(penalties) > 1 else ""
            figures[f"{rival}{parameter}, {name}"] = shown.figure(rival, names, best)
    return figures


class BaselineBench:
    """The content-based baselines on one data folder, which is encoded once."""

    def __init__(self, dataset: Dataset, config: TrainConfig):
        self.dataset = dataset
        self.targets = targets_of(dataset, "test")
        self.encodings = encode_entities(dataset, "items", config).encodings
        # The events of new users, if any, are not training data.
        past = dataset.histories(CONTEXT_SPLITS["test"])
        self.baselines = ContentBaselines(interaction_matrix(past, dataset.count("items")))

    def figure(self, rival: str, names: list[str], penalty: float) -> np.ndarray:
        """Returns NDCG@10 by user of a baseline that reads some features."""
        content = content_matrix({name: self.encodings[name] for name in names})
        ranker = self.baselines.ranker(rival, content, penalty)
        return measure(self.dataset, self.targets, ranker)[METRIC]


def print_table(baselines: dict[str, np.ndarray], models: dict[str, np.ndarray]) -> None:
    """Prints a row per baseline and per model."""
    best = max(baselines, key=lambda name: baselines[name].mean())
    whole = next(iter(models.values()))
    rows = [[name, str(mean_interval(values)), "", ""] for name, values in baselines.items()]
    for name, values in models.items():
        ahead = f"{paired_interval(values, baselines[best]):+}"
        less = "" if values is whole else f"{paired_interval(values, whole):+}"
        rows.append([name, str(mean_interval(values)), ahead, less])
    print(markdown_table(["", "NDCG@10 cold", f"− {best}", "− model, all features"], rows))


if __name__ == "__main__":
    run_script(main)
