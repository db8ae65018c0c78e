"""Metrics of each user, which benchmarks compare between models."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.evaluation.baselines.trivial import popularity, random_order
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.ranking.rankers import Ranker, model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, by_segment, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer

# Metrics by name; the first axis of each array is users, items or seeds.
Metrics = dict[str, np.ndarray]


def measure(dataset: Dataset, targets: Targets, ranker: Ranker, k: int = 10) -> Metrics:
    """Measures the ranks of the targets in each segment.

    Args:
        dataset: the data folder, which lists the cold-start users and items.
        targets: the targets.
        ranker: the measured ranker.
        k: the cutoff (default 10).

    Returns:
        The result of `per_user_metrics` for each segment, `{"warm hr@k": [users], "warm ndcg@k": …,
        "cold hr@k": …, "new_users hr@k": …}`, over the users with such targets, ascending. A
        segment without targets has no entries.
    """
    metrics = {}
    for segment, rows, candidate_mask in by_segment(dataset, targets):
        if rows.any():
            own = targets.take(rows)
            _, found = per_user_metrics(own.user, ranker.ranks(own, candidate_mask), k)
            metrics.update({f"{segment} {name}": values for name, values in found.items()})
    return metrics


def measure_model(
    bundle: ModelBundle, k: int = 10, split: str = "test", *, last: int | None = None
) -> Metrics:
    """Measures a model with its current weights.

    Args:
        bundle: the model with its data.
        k: the cutoff (default 10).
        split: `valid` or `test` (default).
        last: number of the most recent events of a history that the model reads (default all). All
            items of the history that are no candidates are excluded in any case.
    """
    targets = targets_of(bundle.dataset, split, with_times=bundle.model.reads_times)
    # A new scorer traces the model again, with what it reads now.
    scorer = Scorer(bundle.model)
    vectors = scorer.item_vectors()
    histories = targets.histories if last is None else targets.histories.recent(last)
    return measure(bundle.dataset, targets, model_ranker(scorer, vectors, histories), k)


def measure_trivial_baselines(dataset: Dataset) -> dict[str, Metrics]:
    """Measures popularity and random order on the test split, by name."""
    targets = targets_of(dataset, "test")
    return {
        "popularity": measure(dataset, targets, popularity(dataset, "test")),
        "random": measure(dataset, targets, random_order(dataset, 0)),
    }


def stack_seeds(seeds: Sequence[Mapping[str, np.ndarray]]) -> Metrics:
    """Stacks the metrics of several seeds; the first axis is the seed."""
    return {name: np.stack([metrics[name] for metrics in seeds]) for name in seeds[0]}
