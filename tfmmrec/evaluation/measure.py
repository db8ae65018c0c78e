"""What a model is worth to each user: the figures that benchmarks compare."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.evaluation.baselines.trivial import popularity, random_order
from tfmmrec.evaluation.metrics.per_user import per_user_metrics
from tfmmrec.evaluation.ranking.rankers import Ranker, model_ranker
from tfmmrec.evaluation.ranking.targets import Targets, by_segment, targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.scorer import Scorer

# Arrays by name, the first axis of each being users or items.
Metrics = dict[str, np.ndarray]


def measure(dataset: Dataset, targets: Targets, ranker: Ranker, k: int = 10) -> Metrics:
    """Measures what the ranks of warm items say, of cold ones, ranked by themselves, and new users.

    Args:
        dataset: says which items and users are cold.
        targets: what is to be predicted.
        ranker: what is measured.
        k: the cutoff.

    Returns:
        What `per_user_metrics` gives, `{"warm hr@k": [users], "warm ndcg@k": …}`, and the same with
        "cold" and "new_users", for the users with such targets, ascending; without such targets,
        their entries are not there.
    """
    figures = {}
    for part, rows, candidate_mask in by_segment(dataset, targets):
        if rows.any():
            own = targets.take(rows)
            _, metrics = per_user_metrics(own.user, ranker.ranks(own, candidate_mask), k)
            figures.update({f"{part} {name}": values for name, values in metrics.items()})
    return figures


def measure_model(
    bundle: ModelBundle, k: int = 10, split: str = "test", *, last: int | None = None
) -> Metrics:
    """Measures a model as it is now, traced anew.

    Args:
        assembly: the model.
        k: the cutoff.
        split: what is to be predicted.
        last: how many of the last items of a history the model is given (default all); what a user
            chose before is left out of the answers all the same.
    """
    targets = targets_of(bundle.dataset, split, with_times=bundle.model.reads_times)
    scorer = Scorer(bundle.model)
    vectors = scorer.item_vectors()
    given = targets.histories if last is None else targets.histories.recent(last)
    return measure(bundle.dataset, targets, model_ranker(scorer, vectors, given), k)


def measure_trivial_baselines(dataset: Dataset) -> dict[str, Metrics]:
    """What popularity and chance are worth, by name."""
    targets = targets_of(dataset, "test")
    return {
        "popularity": measure(dataset, targets, popularity(dataset, "test")),
        "random": measure(dataset, targets, random_order(dataset, 0)),
    }


def stack_seeds(seeds: Sequence[Mapping[str, np.ndarray]]) -> Metrics:
    """The figures of several seeds, each with a first axis of seeds."""
    return {name: np.stack([figures[name] for figures in seeds]) for name in seeds[0]}
