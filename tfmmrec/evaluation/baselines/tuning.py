"""The parameters of simple recommenders that are best on valid."""

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
    """The parameter whose recommender has the best NDCG@10 on the warm items of valid.

    Args:
        dataset: the data folder.
        parameters: to choose from.
        fit: makes a recommender of what is known before valid, with a parameter.

    Raises:
        DataError: there is no valid split.
    """
    targets = targets_of(dataset, "valid")
    found = [measure(dataset, targets, fit(value))["warm ndcg@10"].mean() for value in parameters]
    return parameters[int(np.argmax(found))]


def tune_item_item(dataset: Dataset) -> dict[str, float]:
    """The parameter of each of ITEM_RIVALS with the best NDCG@10 on the warm items of valid.

    Raises:
        DataError: there is no valid split.
    """
    chosen = interaction_matrix(dataset.histories(CONTEXT_SPLITS["valid"]), dataset.count("items"))
    return {
        name: best_on_valid(
            dataset,
            parameters,
            lambda value, score=score: ScoreRanker.of(score(chosen, value)),  # type: ignore[misc]
        )
        for name, (score, parameters) in ITEM_ITEM_BASELINES.items()
    }


def tune_factorizations(dataset: Dataset) -> dict[str, float]:
    """The same of `available_factorizations`.

    Raises:
        DataError: there is no valid split.
    """
    chosen = sparse_interaction_matrix(
        dataset.histories(CONTEXT_SPLITS["valid"]), dataset.count("items")
    )
    return {
        name: best_on_valid(dataset, parameters, lambda value, fit=fit: fit(chosen, value, chosen))  # type: ignore[misc]
        for name, (fit, parameters) in available_factorizations().items()
    }
