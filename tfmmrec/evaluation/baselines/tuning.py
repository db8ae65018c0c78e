"""Selects the hyperparameters of baselines on valid."""

from collections.abc import Callable, Sequence

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.rankers import Ranker
from tfmmrec.evaluation.ranking.targets import Targets, targets_of

# Maximum number of scores per candidate: in a large catalog, a sample of the users decides.
_MAX_SCORES = 2 * 10**8


def choose(
    dataset: Dataset, split: str, parameters: Sequence[float], fit: Callable[[float], Ranker]
) -> float:
    """Returns the hyperparameter of a baseline: the best on valid, or the middle candidate.

    The test split is never read. The middle candidate is taken if valid is the evaluated split, or
    has no positives.

    Args:
        dataset: the data folder.
        split: the evaluated split, `valid` or `test`.
        parameters: the candidate values.
        fit: as in `best_on_valid`.
    """
    has_choice = len(parameters) > 1 and split != "valid"
    if has_choice and dataset.events("valid").positive.any():
        return best_on_valid(dataset, parameters, fit)
    return middle(parameters)


def middle(parameters: Sequence[float]) -> float:
    """Returns the middle candidate; of an even number, the one after the middle."""
    return parameters[len(parameters) // 2]


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


def _sample_users(targets: Targets, num: int) -> Targets:
    """Returns the targets of at most `num` users, drawn at random but always the same."""
    return targets.take(np.isin(targets.user, fixed_sample(np.unique(targets.user), num)))
