"""Measures retrieval across modalities by the weight of the contrastive loss; prints Markdown.

python benchmarks/cross_modal.py DATA --config TRAIN.yaml --out FOLDER --weights 0,0.03,0.1,0.3,1

DATA needs cold-start items, which the contrastive loss does not train on. For each weight of
`contrastive: {cross_modal: W}`, the table gives R@10 for each pair of modalities: the share of
held-out items whose text, for example, retrieves their own image among the top 10 of the held-out
items with both modalities. Random order has an R@10 of 10 / n.

The table also gives NDCG@10 of the recommendations. All values are means over items, or users, of
their means over the seeds, with 95 % bootstrap intervals. FOLDER caches the metrics; finished
models are not trained again.
"""

import dataclasses
from pathlib import Path

import tqdm

from tfmmrec.cli import run_script
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.measure import Metrics, measure_model, stack_seeds
from tfmmrec.evaluation.metrics.bootstrap import mean_interval
from tfmmrec.evaluation.metrics.cross_modal import retrieval_recall
from tfmmrec.evaluation.results_cache import ResultsCache, results_key
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.variants import VariantTrainer

K = 10
METRICS = ("warm ndcg@10", "cold ndcg@10")


def main(
    data: Path,
    *,
    out: Path,
    config: Path | None = None,
    seeds: int = 3,
    weights: str = "0,0.03,0.1,0.3,1",
    least: int = 2 * K,
) -> None:
    """Trains the missing models and prints the table.

    Args:
        data: a data folder with cold-start items.
        out: folder that caches the metrics.
        config: a training file.
        seeds: number of seeds, from 0.
        weights: weights of the contrastive loss between modalities, W,W; 0 disables it.
        least: minimum number of held-out items with both modalities, for a pair to be measured.
    """
    dataset = Dataset(data)
    if not dataset.cold_items.any():
        raise DataError(f"{data}: has no cold-start items; pack it with cold_items: {{share: 0.1}}")
    base = read_training_file(config, quiet=True)
    kept = ResultsCache(out, results_key(dataset, base, seeds=seeds, least=least))
    by_name = {f"cross_modal-{weight:g}": weight for weight in read_weights(weights)}
    missing = [name for name in by_name if kept.load(name) is None]
    trainer = VariantTrainer(dataset, base)
    with tqdm.tqdm(total=len(missing) * seeds, unit="model", disable=None) as progress:
        for name in missing:
            found = []
            for seed in range(seeds):
                bundle, _ = trainer.train(aligned(base, by_name[name], seed))
                recall = retrieval_recall(bundle, dataset.cold_items, k=K, min_items=least)
                found.append({**recall, **measure_model(bundle)})
                progress.update()
            kept.save(name, stack_seeds(found))
    print_table({f"{by_name[name]:g}": kept.load(name) for name in by_name})


def read_weights(text: str) -> list[float]:
    """Parses W,W."""
    try:
        return [float(weight) for weight in text.split(",")]
    except ValueError:
        raise ConfigError(f"weights must be numbers, W,W. Received: {text!r}") from None


def aligned(config: TrainConfig, weight: float, seed: int) -> TrainConfig:
    """Returns the config with another weight of the contrastive loss between modalities."""
    contrastive = dataclasses.replace(config.contrastive, cross_modal=weight)
    return dataclasses.replace(config, contrastive=contrastive, seed=seed)


def print_table(figures: dict[str, Metrics]) -> None:
    """Prints a row per weight."""
    names = list(next(iter(figures.values())))
    retrieval = [name for name in names if "→" in name]
    columns = [*retrieval, *(name for name in METRICS if name in names)]
    rows = [
        [weight, *(str(mean_interval(found[name].mean(axis=0))) for name in columns)]
        for weight, found in figures.items()
    ]
    first = next(iter(figures.values()))
    counts = [first[name].shape[1] for name in retrieval]
    chance = [f"{min(1.0, K / count):.3f} (n = {count})" for count in counts]
    rows.append(["chance", *chance, *("" for _ in columns[len(retrieval) :])])
    header = [f"R@{K} {name}" for name in retrieval]
    header += [f"{name.split()[1].upper()} {name.split()[0]}" for name in columns[len(retrieval) :]]
    print(markdown_table(["weight", *header], rows))


if __name__ == "__main__":
    run_script(main)
