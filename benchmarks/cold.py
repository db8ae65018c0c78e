"""Compares a model with simple recommenders by content on items that nobody chose yet.

python benchmarks/cold.py DATA --tune '[TUNE_DATA, …]' --config TRAIN.yaml --out FOLDER --seeds 3

All data folders have cold items, ranked among themselves; those to tune on hold no event of DATA's.
Each rival's penalty is the best by the mean over these. Rivals read all features, as the model
does, and all but each modality in turn, and the model the same. Figures are means over users of
NDCG@10 with several relevant items, for the model means over the seeds; intervals are of the paired
difference to the best rival, and to the model that reads everything.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import PAST
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import encode_side
from tfmmrec.evaluation.baselines.content import ContentRivals, chosen_matrix, content_matrix
from tfmmrec.evaluation.measure import measure, measure_baselines, measure_model, stacked
from tfmmrec.evaluation.metrics.bootstrap import mean_interval, paired_interval
from tfmmrec.evaluation.ranking.rankers import ByScores
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.results_cache import KeptFigures, circumstances
from tfmmrec.reports.markdown_table import markdown_table
from tfmmrec.training.variants import VariantTrainer, narrowed

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
    """Trains what is missing and prints the table.

    Args:
        data: a data folder with cold items.
        tune: others, of the same items, to choose the rivals' penalties on.
        out: the folder for the figures of the models.
        config: a training file.
        seeds: how many seeds, from 0.
        whole: whether all features are read alone, and nothing is left out in turn.
    """
    dataset = Dataset(data)
    base = read_training_file(config, quiet=True)
    sets = feature_sets(dataset)
    if whole:
        sets = {"all features": sets["all features"]}
    rivals = rival_figures(dataset, [Dataset(folder) for folder in tune], base, sets)
    kept = KeptFigures(out, circumstances(dataset, base, seeds=seeds))
    trainer = VariantTrainer(dataset, base)
    models = {}
    for name, names in sets.items():
        found = kept.load(name)
        if found is None:
            runs = []
            for seed in tqdm.trange(seeds, desc=name, disable=None):
                variant = dataclasses.replace(narrowed(base, names), seed=seed)
                runs.append(measure_model(trainer.train(variant)[0]))
            found = stacked(runs)
            kept.save(name, found)
        models[f"model, {name}"] = found[METRIC].mean(axis=0)
    print_table(rivals, models)


def feature_sets(dataset: Dataset) -> dict[str, list[str]]:
    """All item features, and all without each modality."""
    groups = features_by_modality(dataset.schema.items)
    everything = [name for names in groups.values() for name in names]
    sets = {"all features": everything}
    for modality, names in groups.items():
        rest = [name for name in everything if name not in names]
        if rest:
            sets[f"without {modality}"] = rest
    return sets


def rival_figures(
    dataset: Dataset, tune: list[Dataset], config: TrainConfig, sets: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """NDCG@10 of each rival by user, its penalty the best on the other data."""
    baselines = measure_baselines(dataset)
    figures = {name: baselines[name][METRIC] for name in ("random", "popularity")}
    shown, *tried = [RivalBench(given, config) for given in (dataset, *tune)]
    for name, names in sets.items():
        for rival, penalties in ContentRivals.penalties.items():
            found = [
                np.mean([bench.figure(rival, names, penalty).mean() for bench in tried])
                for penalty in penalties
            ]
            best = penalties[int(np.argmax(found))]
            chosen = f" ({best:g})" if len(penalties) > 1 else ""
            figures[f"{rival}{chosen}, {name}"] = shown.figure(rival, names, best)
    return figures


class RivalBench:
    """The rivals on one data folder, which is encoded once."""

    def __init__(self, dataset: Dataset, config: TrainConfig):
        self.dataset = dataset
        self.targets = targets_of(dataset, "test")
        self.encoded = encode_side(dataset, "items", config).encoded
        # New users, if there are any, have a past that nobody learns from.
        past = dataset.histories(PAST["test"])
        self.rivals = ContentRivals(chosen_matrix(past, dataset.count("items")))

    def figure(self, rival: str, names: list[str], penalty: float) -> np.ndarray:
        """NDCG@10 of a rival that reads some features, by user."""
        content = content_matrix({name: self.encoded[name] for name in names})
        scores = self.rivals.scores(rival, content, penalty)
        return measure(self.dataset, self.targets, ByScores.of(scores))[METRIC]


def print_table(rivals: dict[str, np.ndarray], models: dict[str, np.ndarray]) -> None:
    """Prints a row a rival and a model."""
    best = max(rivals, key=lambda name: rivals[name].mean())
    whole = next(iter(models.values()))
    rows = [[name, str(mean_interval(values)), "", ""] for name, values in rivals.items()]
    for name, values in models.items():
        ahead = f"{paired_interval(values, rivals[best]):+}"
        less = "" if values is whole else f"{paired_interval(values, whole):+}"
        rows.append([name, str(mean_interval(values)), ahead, less])
    print(markdown_table(["", "NDCG@10 cold", f"− {best}", "− model, all features"], rows))


if __name__ == "__main__":
    run_script(main)
