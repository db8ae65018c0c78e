"""Selects the hyperparameters of baselines on valid."""

from collections.abc import Callable, Sequence

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.evaluation.baselines.content import interaction_matrix
from tfmmrec.evaluation.baselines.item_item import ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.matrix_factorization import (
    available_factorizations,
    sparse_interaction_matrix,
)
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.rankers import Ranker, ScoreRanker
from tfmmrec.evaluation.ranking.targets import targets_of


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
    targets = targets_of(dataset, "valid")
    found = [measure(dataset, targets, fit(value))["warm ndcg@10"].mean() for value in parameters]
    return parameters[int(np.argmax(found))]


def tune_item_item(dataset: Dataset) -> dict[str, float]:
    """Selects the hyperparameter of each of ITEM_ITEM_BASELINES, by name; see `best_on_valid`.

    Raises:
        DataError: there is no valid split.
    """
    interactions = interaction_matrix(
        dataset.histories(CONTEXT_SPLITS["valid"]), dataset.count("items")
    )
    return {
        name: best_on_valid(
            dataset,
            parameters,
            lambda value, score=score: ScoreRanker.of(score(interactions, value)),  # type: ignore[misc]
        )
        for name, (score, parameters) in ITEM_ITEM_BASELINES.items()
    }


def tune_factorizations(dataset: Dataset) -> dict[str, float]:
    """Selects the hyperparameter of each of `available_factorizations`, by name.

    Raises:
        DataError: there is no valid split.
    """
    histories = dataset.histories(CONTEXT_SPLITS["valid"])
    interactions = sparse_interaction_matrix(histories, dataset.count("items"))
    return {
        name: best_on_valid(
            dataset,
            parameters,
            lambda value, fit=fit: fit(interactions, value, interactions),  # type: ignore[misc]
        )
        for name, (fit, parameters) in available_factorizations().items()
    }
