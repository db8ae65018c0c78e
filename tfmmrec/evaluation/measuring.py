"""What a model is worth to each user: the figures that benchmarks compare."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfmmrec.assembly import Assembly
from tfmmrec.dataset import Dataset
from tfmmrec.evaluation.per_user import per_user_metrics
from tfmmrec.evaluation.targets import (
    ScoreUsers,
    Targets,
    popularity,
    random_order,
    target_ranks,
    targets_of,
)

# Arrays by name, the first axis of each being users or items.
Figures = dict[str, np.ndarray]


def measure(dataset: Dataset, targets: Targets, score_users: ScoreUsers, k: int = 10) -> Figures:
    """Measures what the test ranks of warm items say, and of cold ones, ranked by themselves.

    Args:
        dataset: says which items are cold.
        targets: what is to be predicted.
        score_users: gives the scores of all items for users.
        k: the cutoff.

    Returns:
        `{"warm hr@k": [users], "warm ndcg@k": …, "cold hr@k": …, "cold ndcg@k": …}`, for the users
        with such targets, ascending; without warm or cold targets, their entries are not there.
    """
    figures = {}
    for part, among in (("warm", ~dataset.cold_items), ("cold", dataset.cold_items)):
        rows = among[targets.item]
        if rows.any():
            ranks = target_ranks(targets, score_users, among)[rows]
            _, metrics = per_user_metrics(targets.user[rows], ranks, k)
            figures.update({f"{part} {name}": values for name, values in metrics.items()})
    return figures


def measure_model(assembly: Assembly, k: int = 10, split: str = "test") -> Figures:
    """Measures a model as it is now, traced anew."""
    targets = targets_of(assembly.dataset, split)
    scorer = assembly.scorer()
    vectors = scorer.item_vectors()
    return measure(
        assembly.dataset,
        targets,
        lambda users: scorer.scores(vectors, targets.histories, users),
        k,
    )


def measure_baselines(dataset: Dataset) -> dict[str, Figures]:
    """What popularity and chance are worth, by name."""
    targets = targets_of(dataset, "test")
    return {
        "popularity": measure(dataset, targets, popularity(dataset, "test")),
        "random": measure(dataset, targets, random_order(dataset, 0)),
    }


def stacked(seeds: Sequence[Mapping[str, np.ndarray]]) -> Figures:
    """The figures of several seeds, each with a first axis of seeds."""
    return {name: np.stack([figures[name] for figures in seeds]) for name in seeds[0]}
