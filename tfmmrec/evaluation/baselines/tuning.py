"""Selects the hyperparameters of baselines on valid."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.evaluation.baselines.interactions import FitBaseline, interaction_matrix
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.rankers import Ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of

# Maximum number of scores per candidate: in a large catalog, a sample of the users decides.
_MAX_SCORES = 2 * 10**8


def best_on_valid(
    dataset: Dataset, parameters: Sequence[float], fit: Callable[[float], Ranker]
) -> float:
    """Returns the hyperparameter with the best NDCG@10 on the warm items of valid.

    Args:
        dataset: the data folder.
        parameters: the candidate values.
        fit: fits a baseline to the events before valid, with a hyperparameter.

    Raises:
        DataError: there is no valid split.
    """
    targets = _sample_users(targets_of(dataset, "valid"), _MAX_SCORES // dataset.count("items"))
    found = [measure(dataset, targets, fit(value))["warm ndcg@10"].mean() for value in parameters]
    return parameters[int(np.argmax(found))]


def tune_baselines(
    dataset: Dataset, baselines: Mapping[str, tuple[FitBaseline, tuple[float, ...]]]
) -> dict[str, float]:
    """Selects the hyperparameter of each baseline, by name; see `best_on_valid`.

    Args:
        dataset: the data folder.
        baselines: by name, the function and the candidate values, as ITEM_ITEM_BASELINES.

    Raises:
        DataError: there is no valid split.
    """
    histories = dataset.histories(CONTEXT_SPLITS["valid"])
    interactions = interaction_matrix(histories, dataset.count("items"))
    return {
        name: best_on_valid(
            dataset,
            parameters,
            lambda value, fit=fit: fit(interactions, value, interactions),  # type: ignore[misc]
        )
        for name, (fit, parameters) in baselines.items()
    }


def _sample_users(targets: Targets, num: int) -> Targets:
    """Returns the targets of at most `num` users, drawn at random but always the same."""
    users = np.unique(targets.user)
    if len(users) <= num:
        return targets
    sample = np.random.default_rng(0).choice(users, num, replace=False)
    return targets.take(np.isin(targets.user, sample))
